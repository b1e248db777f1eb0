"""Alert rules and dashboard speak of metrics that there are; what promtool says of them is in the integration tests."""

import json
import re
from pathlib import Path

import pytest
import yaml

from ceralacca.apps.metrics.names import NAMES

DEPLOY = Path(__file__).parents[4] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text("utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
SUFFIXES = {"gauge": ("",), "counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
EXPORTED = {f"{name}{suffix}" for name, kind in NAMES.items() for suffix in SUFFIXES[kind.type]}


def alerts():
    return {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}


def expressions():
    panels = [one for panel in DASHBOARD["panels"] for one in (panel, *panel.get("panels", ()))]
    yield from ((rule["alert"], rule["expr"]) for rule in alerts().values())
    yield from ((panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ()))


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_named_exists_with_its_labels(where, expression):
    named = set(re.findall(r"\bpec_[a-z0-9_]+", expression))
    assert named
    assert named <= EXPORTED, where
    known = {"le", *(label for kind in NAMES.values() for label in kind.labels)}
    used = set(re.findall(r"(?:[{,]\s*)([a-z_]+)\s*[=!]~?", expression))
    used |= {one.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for one in group.split(",")}
    assert used <= known, where


def test_every_alert_says_what_to_do_and_how_urgent_it_is():
    assert len(alerts()) == sum(len(group["rules"]) for group in RULES["groups"])
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["action"], name


def test_the_how_to_page_names_every_alert():
    page = (DEPLOY.parent / "docs" / "how-to" / "watch-a-provider.md").read_text("utf-8")
    assert [name for name in alerts() if name not in page] == []


def test_panels_have_their_own_numbers_and_do_not_lie_on_each_other():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
