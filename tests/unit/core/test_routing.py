import pytest

from ceralacca.core.model.notification import RecipientKind
from ceralacca.core.routing import Connection, RouteRefusal, refusal

MX = ["mx1.gestore-beta.example.", "mx2.gestore-beta.example"]
PEC = RecipientKind.CERTIFIED


@pytest.mark.requirement("BT-6")
@pytest.mark.parametrize(
    ("host", "tls", "expected"),
    [
        ("MX1.gestore-beta.example", (1, 2), None),
        ("mx2.gestore-beta.example.", (1, 3), None),
        ("mx1.gestore-beta.example", None, RouteRefusal.NO_TLS),
        ("mx1.gestore-beta.example", (1, 1), RouteRefusal.OLD_TLS),
        ("relay.somebody.example", (1, 3), RouteRefusal.FOREIGN_HOST),
        ("relay.somebody.example", None, RouteRefusal.FOREIGN_HOST),
    ],
)
def test_to_a_pec_domain_only_over_tls_and_only_to_its_own_hosts(host, tls, expected):
    assert refusal(PEC, Connection(host=host, tls=tls), MX) is expected


def test_no_known_mail_exchanger_means_no_way():
    assert refusal(PEC, Connection(host="mx1.gestore-beta.example", tls=(1, 3)), []) is RouteRefusal.FOREIGN_HOST


def test_an_ordinary_recipient_is_reached_by_the_ordinary_rules():
    assert refusal(RecipientKind.EXTERNAL, Connection(host="anywhere.example", tls=None), []) is None
