"""An envelope of our own is answered alike, whether it is read again or known since it was composed."""

from dataclasses import replace

import pytest

from ceralacca.core.model.notification import MessageRow
from ceralacca.services.envelope_contents import LARGEST, OwnEnvelopes, read_contents
from ceralacca.services.reading import read
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.odd_mail import RECIPIENT, SENDER, Fate, odd_mail
from ceralacca.testing.paper_cast import CARLA, COUNCIL, MARIO, submission

ODD = [odd for odd in odd_mail() if odd.fate is Fate.ACCEPTED]


class Forgetful(OwnEnvelopes):
    """Knows nothing."""

    def get(self, key):
        return None


def play(octets, *, known, recipients=(CARLA,)):
    live = LiveCircuit.at()
    if not known:
        live.alfa.office = replace(live.alfa.office, own_envelopes=Forgetful())
    live.submit(octets, sender=MARIO, recipients=recipients)
    live.carry()
    return live


def everything(live):
    boxes = {holder: live.mailbox(holder) for holder in (MARIO, CARLA, COUNCIL)}
    return boxes, list(live.alfa.store.log)


@pytest.mark.requirement("XM-7", "DR-2", "DR-3", "DR-5")
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_every_odd_message_gets_the_same_receipt_and_rows(odd):
    octets = odd.octets.replace(RECIPIENT.text.encode(), CARLA.text.encode()).replace(
        SENDER.text.encode(), MARIO.text.encode()
    )
    known, read_again = play(octets, known=True), play(octets, known=False)
    assert everything(known) == everything(read_again)


@pytest.mark.parametrize("kind", ["completa", "breve", "sintetica", "altro"])
def test_each_kind_of_receipt_is_the_same_for_recipients_and_copies(kind):
    octets = submission(to=[CARLA], cc=[COUNCIL], fields=f"Subject: Prova\r\nX-TipoRicevuta: {kind}\r\n")
    known, read_again = (play(octets, known=way, recipients=(CARLA, COUNCIL)) for way in (True, False))
    assert everything(known) == everything(read_again)
    assert known.told()[MARIO] == [3, 10, 10]


def test_what_is_known_is_what_would_be_read():
    live = play(submission(to=[CARLA]), known=True)
    (envelope,) = [one for one in live.alfa.store._letters.values() if one.row is MessageRow.TRANSPORT_ENVELOPE]
    kept = live.alfa.office.own_envelopes.get(envelope.key)
    from_octets = read_contents(read(live.alfa.store.octets(envelope.digest)))
    assert kept == from_octets._replace(message=bytes(from_octets.message))


def test_a_large_one_is_read_again():
    live = play(submission(to=[CARLA], body="\r\n" + ("x" * 70 + "\r\n") * (LARGEST // 72 + 1)), known=True)
    (envelope,) = [one for one in live.alfa.store._letters.values() if one.row is MessageRow.TRANSPORT_ENVELOPE]
    assert live.alfa.office.own_envelopes.get(envelope.key) is None
    assert live.told()[MARIO] == [3, 10]


def test_the_oldest_go_when_there_are_many():
    kept = OwnEnvelopes()
    for number in range(300):
        kept.keep(str(number), number)
    assert (kept.get("0"), kept.get("43"), kept.get("44"), kept.get("299")) == (None, None, 44, 299)
