"""The alert rules in `deploy/`, judged by Prometheus's own tool: they can be read, and fire when they must."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.requirement("SL-2", "SL-3", "SL-4")
@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "prometheus-alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "prometheus-alerts.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_them_well(command):
    done = subprocess.run(["promtool", *command], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
