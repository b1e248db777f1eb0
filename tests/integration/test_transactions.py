"""Several messages at once: matched into transactions, each recipient with its outcome; and messages inside others."""

import base64
from hashlib import sha256

import pytest

from ceralacca.core.model.notification import ReceiptKind
from ceralacca.services.messages_inside import MOST_MESSAGES
from ceralacca.testing.scenario import ORDINARY, SUBMITTED

ANNA, SHOP = "anna.bianchi@pec.beta.example", "info@ditta.example"
OUTCOMES = {
    "01": ("refused", "refused"),
    "02": ("refused", "refused"),
    "03-accettazione-completa": ("delivered", "accepted-external"),
    "05": ("expired", "unknown"),
    "08": ("virus", "unknown"),
    "11-mancata-consegna-no-mailbox": ("not-delivered", "unknown"),
}


ORDINARY_WITH = (
    b"From: info@ditta.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=sola\r\n\r\n"
    b"--sola\r\n\r\nEcco la ricevuta.\r\n--sola\r\nContent-Type: message/rfc822\r\n\r\n%s\r\n--sola--\r\n"
)


def outcomes(story):
    return {one["address"]: one["outcome"] for one in story["recipients"]}


@pytest.mark.requirement("AM-8")
@pytest.mark.parametrize("prefix", OUTCOMES)
def test_each_transaction_has_the_outcome_that_its_messages_prove(pec, sample, prefix):
    answer = pec.judge(*sorted(sample.glob("*.eml")))
    (story,) = [one for one in answer.json["transactions"] if any(f"/{prefix}" in name for name in one["messages"])]
    assert outcomes(story) == dict(zip((ANNA, SHOP), OUTCOMES[prefix], strict=True))
    assert story["inconsistent"] == []


def test_the_story_is_told_in_order_whatever_the_order_of_the_files(pec, sample):
    names = ["10-avvenuta-consegna-breve", "03-accettazione-breve", "06-presa-in-carico-breve"]
    (story,) = pec.judge(*(sample / f"{name}.eml" for name in names)).json["transactions"]
    events = [event["outcome"] for event in story["recipients"][0]["events"]]
    assert events == ["accepted", "taken-in-charge", "delivered"]
    text = pec.verify(*(sample / f"{name}.eml" for name in names)).out
    assert text.index("taken in charge") < text.rindex("DELIVERED")


@pytest.mark.requirement("TO-20")
def test_an_altered_receipt_moves_no_story(pec, sample, save):
    receipt = (sample / "10-avvenuta-consegna-breve.eml").read_bytes()
    forged = save(receipt.replace(b"perizia", b"perIzia"))
    answer = pec.judge(sample / "03-accettazione-breve.eml", forged)
    (story,) = answer.json["transactions"]
    assert outcomes(story)[ANNA] == "accepted"
    assert [event["proven"] for event in story["recipients"][0]["events"]] == [True, False]
    assert answer.status == 1


def test_one_message_alone_is_told_without_a_story(pec, sample):
    assert "Transactions" not in pec.verify(sample / "03-accettazione-breve.eml").out


# Messages inside others (TO-16)


def with_parts(*parts):
    """The submitted message of the scenario with further parts, under a boundary that no other message has."""
    boundary = f"=_{sha256(b''.join(parts)).hexdigest()[:16]}".encode()
    base = SUBMITTED.replace(b"=_parti", boundary)
    end = base.index(b"--%s--" % boundary)
    return base[:end] + b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + base[end:]


def attaching(*messages):
    """The submitted message of the scenario with messages attached."""
    return with_parts(*(b"Content-Type: message/rfc822\r\n\r\n" + one for one in messages))


@pytest.mark.requirement("TO-16")
def test_a_forwarded_envelope_is_found_and_judged(pec, save, sealing):
    inner = sealing(SUBMITTED)
    answer = pec.judge(save(sealing(attaching(inner))))
    assert answer.status == 0
    (nested,) = answer.message["nested"]
    assert (nested["row"], nested["seal"]["verdict"], nested["valid"]) == (4, "valid", True)
    assert nested["name"].endswith("message.eml!1")
    assert nested["certification"]["identifier"] != answer.message["certification"]["identifier"]


@pytest.mark.requirement("TO-16")
def test_the_complete_receipt_of_a_forwarded_envelope_shows_both(pec, save, sealing):
    receipt = sealing(attaching(sealing(SUBMITTED)), delivery=True)
    answer = pec.judge(save(receipt))
    assert (answer.message["row"], answer.message["issued_receipt"]) == (10, "completa")
    assert [one["row"] for one in answer.message["nested"]] == [4]
    text = pec.verify(save(receipt)).out
    assert "PEC message inside" in text
    assert "Transactions" in text  # two of them: that of the receipt, and that of the envelope inside


@pytest.mark.requirement("TO-16")
def test_a_forward_of_a_forward_is_followed_to_its_end(pec, save, sealing):
    octets = SUBMITTED
    for _ in range(4):
        octets = sealing(attaching(octets) if octets is not SUBMITTED else SUBMITTED)
    nested = pec.judge(save(octets)).message["nested"]
    assert [(one["row"], one["valid"]) for one in nested] == [(4, True)] * 3


@pytest.mark.requirement("TO-16")
def test_an_altered_message_inside_a_sound_one_is_told(pec, sample, save, sealing):
    forged = (sample / "10-avvenuta-consegna-sintetica.eml").read_bytes().replace(b"Il giorno", b"Il gIorno")
    answer = pec.judge(save(sealing(attaching(forged))))
    (nested,) = answer.message["nested"]
    assert (answer.status, answer.message["valid"]) == (0, True)  # it was sent like that
    assert (nested["valid"], nested["seal"]["verdict"]) == (False, "altered")


def test_receipts_attached_to_ordinary_mail_are_judged(pec, sample, save):
    receipts = [
        (sample / f"{name}.eml").read_bytes() for name in ("03-accettazione-breve", "10-avvenuta-consegna-breve")
    ]
    answer = pec.judge(save(attaching(*receipts)))
    assert (answer.status, answer.message["nature"]) == (1, "ordinary")
    assert [(one["row"], one["valid"]) for one in answer.message["nested"]] == [(3, True), (10, True)]
    (story,) = answer.json["transactions"]
    assert outcomes(story)[ANNA] == "delivered"


def test_one_receipt_attached_to_ordinary_mail_is_told_once(pec, sample, save):
    answer = pec.judge(save(ORDINARY_WITH % (sample / "03-accettazione-breve.eml").read_bytes()))
    assert [one["row"] for one in answer.message["nested"]] == [3]


def test_a_receipt_attached_as_an_encoded_file_is_judged(pec, sample, save):
    receipt = base64.encodebytes((sample / "03-accettazione-breve.eml").read_bytes())
    part = (
        b'Content-Type: application/octet-stream; name="ricevuta.EML"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + receipt
    )
    answer = pec.judge(save(with_parts(part)))
    assert [one["valid"] for one in answer.message["nested"]] == [True]


def test_certification_data_attached_to_ordinary_mail_make_no_pec_message(pec, sample, save, tmp_path):
    pec.verify(sample / "03-accettazione-breve.eml", "--extract", tmp_path / "out")
    (xml,) = (tmp_path / "out").rglob("daticert.xml")
    part = b'Content-Type: application/xml; name="daticert.xml"\r\n\r\n' + xml.read_bytes()
    answer = pec.judge(save(with_parts(part)))
    assert (answer.message["nature"], answer.message["row"]) == ("ordinary", None)


@pytest.mark.requirement("SE-7")
def test_what_is_inside_is_searched_within_bounds(pec, save):
    part = b"--=_p\r\nContent-Type: message/rfc822\r\n\r\nX-Ricevuta: x\r\n\r\n\r\n"
    many = part * (MOST_MESSAGES - 10)
    octets = b'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_p"\r\n\r\n' + many
    answer = pec.judge(save(octets + b"--=_p--\r\n"))
    assert len(answer.message["nested"]) <= MOST_MESSAGES


# What is no PEC message at all


@pytest.mark.parametrize("octets", [ORDINARY, ORDINARY.replace(b"\r\n", b"\n")])
def test_ordinary_mail_is_called_that(pec, save, octets):
    answer = pec.judge(save(octets))
    assert (answer.status, answer.message["nature"], answer.message["valid"]) == (1, "ordinary", False)
    assert answer.message["summary"]["subject"] == "Offerta"
    assert "Ordinary mail, not a PEC message" in pec.verify(save(octets)).out


@pytest.mark.requirement("TO-11")
def test_a_message_without_its_certification_data_is_damaged(pec, save, sample):
    octets = (sample / "04-busta-di-trasporto-completa.eml").read_bytes()
    octets = octets.replace(b"daticert.xml", b"daticert.bin").replace(b"application/xml", b"application/pdf")
    answer = pec.judge(save(octets.replace(b"PD94", b"QUFB")))
    assert (answer.status, answer.message["nature"]) == (1, "damaged")
    assert answer.message["seal"]["verdict"] == "altered"


def test_a_message_that_was_cut_is_told_so(pec, save, sample):
    octets = (sample / "04-busta-di-trasporto-completa.eml").read_bytes()
    answer = pec.judge(save(octets[: len(octets) - 900]))
    assert (answer.status, answer.message["valid"]) == (1, False)


@pytest.mark.parametrize("octets", [b"\x00\xff" * 4000, b"%PDF-1.4\n" + bytes(range(256)) * 20])
def test_what_is_no_mail_is_no_crash(pec, save, octets):
    answer = pec.judge(save(octets))
    assert (answer.status, answer.err, answer.message["valid"]) == (1, "", False)


def test_an_anomaly_envelope_certifies_nothing_and_is_valid(pec, sample):
    answer = pec.verify(sample / "07-busta-di-anomalia-firma-assente.eml")
    assert answer.status == 0
    assert "vouches for nothing in it" in answer.out


@pytest.mark.requirement("TO-20")
def test_an_anomaly_envelope_dressed_up_as_certified_mail_is_damaged(pec, sample, save):
    octets = (sample / "07-busta-di-anomalia-firma-assente.eml").read_bytes()
    answer = pec.judge(save(octets.replace(b"X-Trasporto: errore", b"X-Trasporto: posta-certificata")))
    assert (answer.status, answer.message["nature"]) == (1, "damaged")


@pytest.mark.requirement("DR-5")
@pytest.mark.parametrize("kind", ReceiptKind)
def test_the_kind_of_receipt_issued_is_told(pec, sample, kind):
    answer = pec.judge(sample / f"10-avvenuta-consegna-{kind}.eml")
    assert answer.message["issued_receipt"] == kind
