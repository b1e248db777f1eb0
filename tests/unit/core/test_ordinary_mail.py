from dataclasses import replace

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.ordinary_mail import MOST_HOPS, NotForwarded, Passing, why_not_forwarded

pytestmark = pytest.mark.requirement("IP-20")

PASSING = Passing(
    mailbox=Address("Anna@alfa.example"), target=Address("anna@posta.example"), reverse_path=Address("c@d.example"),
    hops=3, delivered_to=("someone@d.example",), own_domains=frozenset({"alfa.example"}), is_pec_domain=False,
)  # fmt: skip


def test_ordinary_mail_is_passed_on_to_an_ordinary_address():
    assert why_not_forwarded(PASSING) is None
    assert why_not_forwarded(replace(PASSING, hops=MOST_HOPS)) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reverse_path": None}, NotForwarded.BOUNCE),
        ({"delivered_to": (" anna@ALFA.example ",)}, NotForwarded.BEEN_HERE),
        ({"hops": MOST_HOPS + 1}, NotForwarded.HOPS),
        ({"hops": None}, NotForwarded.UNREADABLE),
        ({"target": Address("bruno@alfa.example")}, NotForwarded.OWN_DOMAIN),
        ({"is_pec_domain": True}, NotForwarded.PEC_DOMAIN),
    ],
)
def test_what_may_be_a_loop_or_is_no_ordinary_address_is_not(change, why):
    assert why_not_forwarded(replace(PASSING, **change)) is why
