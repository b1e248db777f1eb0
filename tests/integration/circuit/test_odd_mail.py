"""Odd mail end to end: each message has its answer, and what is accepted arrives octet for octet, when it is ASCII."""

from collections import Counter

import pytest

from ceralacca.apps.demo.cast import ALFA, ANNA, MARIO
from ceralacca.apps.mail_client import Refused, submit
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.received import read_received
from ceralacca.testing.odd_mail import Fate, odd_mail

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.mark.requirement("MO-9", "AP-21")
def test_every_odd_message_has_its_answer(stage, running):
    account, fates = running.account(MARIO), dict.fromkeys(Fate, 0)
    bodies = []
    for odd in odd_mail():
        octets = odd.octets if odd.octets.endswith(b"\r\n") else odd.octets + b"\r\n"  # SMTP ends with one
        fates[odd.fate] += 1
        if odd.fate is Fate.SMTP:
            with pytest.raises(Refused):
                submit(account, odd.octets, recipients=[ANNA])
            continue
        submit(account, octets, recipients=[ANNA])
        if odd.fate is Fate.ACCEPTED and octets.isascii():  # eight bits are encoded before they are certified
            bodies.append(octets.partition(b"\r\n\r\n")[2])
    accepted, refused = fates[Fate.ACCEPTED], fates[Fate.NOT_ACCEPTED]
    expected = {MARIO: [3, 10] * accepted + [1] * refused, ANNA: [4] * accepted, ALFA.service_mailbox: [6] * accepted}
    came = stage.settle(expected)
    assert stage.faults == []
    envelopes = [one.sighting.octets for one in came.messages if one.row is MessageRow.TRANSPORT_ENVELOPE]
    inside = [bytes(read_received(octets).original).partition(b"\r\n\r\n")[2] for octets in envelopes]
    assert Counter(inside) >= Counter(bodies)
    assert len(bodies) > 100
