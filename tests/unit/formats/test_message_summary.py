import pytest

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.message_summary import summarise, summarise_original
from ceralacca.formats.received import read_received
from ceralacca.testing.arrivals import sealed_good
from ceralacca.testing.scenario import BOUNCE, FORWARDED, ORDINARY, SUBMITTED


def test_header_lines_are_decoded_and_files_listed_as_they_are_called():
    summary = summarise(SUBMITTED)
    assert summary.subject == "Città & controprova <urgente>"
    assert summary.sender == '"Mario Rossi" <mario.rossi@pec.alfa.example>'
    assert summary.message_id == "<20261105091455.4711@client.alfa.example>"
    names = [(one.name, one.media_type, one.encoding) for one in summary.attachments]
    assert names == [
        ("perizia.pdf", "application/pdf", "base64"),
        ("quantità.csv", "text/csv", "7bit"),
        (None, "message/rfc822", "7bit"),
    ]


def test_content_is_decoded_when_it_is_asked_for_and_may_be_let_go():
    summary = summarise(SUBMITTED)
    assert summary.attachments[0].content().startswith(b"%PDF-1.4")
    assert summary.attachments[2].content() == FORWARDED
    light = summary.without_content()
    assert [one.content() for one in light.attachments] == [b"", b"", b""]
    assert [one.octets for one in light.attachments] == [one.octets for one in summary.attachments]


@pytest.mark.parametrize("octets", [ORDINARY, BOUNCE, SUBMITTED])
def test_a_stretch_of_a_whole_is_summarised_like_the_message_alone(octets):
    whole = b"before\r\n" + octets + b"after"
    one, other = summarise(octets), summarise(whole, start=8, end=8 + len(octets))
    assert one.without_content() == other.without_content()
    assert [a.content() for a in one.attachments] == [a.content() for a in other.attachments]


def test_the_original_inside_is_found_or_not():
    envelope = read_received(sealed_good(MessageRow.TRANSPORT_ENVELOPE))
    assert summarise_original(envelope).without_content() == summarise(envelope.original).without_content()
    assert summarise_original(read_received(sealed_good(MessageRow.ACCEPTANCE))) is None


@pytest.mark.requirement("SE-7")
def test_beyond_the_limits_the_header_is_still_told():
    many = b"Subject: molti\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1100
    summary = summarise(many)
    assert (summary.subject, summary.attachments, summary.limit_passed) == ("molti", (), True)


def test_what_is_no_message_has_no_summary():
    assert summarise(b"Subject: x\r\n" + b"X-A: b\r\n" * 100_000) is None


def test_a_field_that_is_absent_is_none():
    summary = summarise(b"\r\ntext\r\n")
    assert (summary.subject, summary.sender, summary.date) == (None, None, None)
