"""The original that is certified is what was submitted, but for what AP-21, AP-11 and AP-15 change."""

import email
import re

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from ceralacca.base.errors import OurError, PecError, UnreadableMessage
from ceralacca.core.access_point import AccessSettings, formal_failures
from ceralacca.core.model.address import Address
from ceralacca.formats.mime.entity import look
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.original import prepare_original
from ceralacca.formats.submission import read_submission

IDENTIFIER = "pec1a2b3c4d5e6f7081920261105101502@gestore-alfa.example"
ROSSI = Address("mario.rossi@pec.alfa.example")
BIANCHI = Address("anna.bianchi@pec.beta.example")

OURS = re.compile(
    rb"Message-ID: <pec[0-9a-f]+@gestore-alfa\.example>\r\n|X-Riferimento-Message-ID: <[ -~]+>\r\n"
    rb"|(?:MIME-Version: 1\.0\r\n)?Content-Transfer-Encoding: (?:7bit|base64|quoted-printable)\r\n"
)
THEIRS = re.compile(rb"(?:message-id|bcc|content-transfer-encoding)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE)

CONTENT = st.lists(
    st.sampled_from(
        [b"plain ", b"x" * 70, b"citt\xe0", b"\xc3\xa0 ", b"\xff\xfe", b"\r\n", b"\r\n.", b"=", b"--b0", b"--b00"]
    ),
    max_size=8,
).map(b"".join)
ASCII = CONTENT.map(lambda body: body.replace(b"\xe0", b"a").translate(None, bytes(range(128, 256))))
ENCODING = st.sampled_from([b"", b"Content-Transfer-Encoding: 8bit\r\n", b"content-transfer-encoding:\r\n binary\r\n"])
LEAF_TYPE = st.sampled_from(
    [b"", b"Content-Type: text/plain; charset=utf-8\r\n", b"Content-Type: application/octet-stream; name=x\r\n"]
)


def parts(content, depth=0):
    """MIME entities, header included, in which each multipart has a boundary of its own."""
    leaf = st.builds(lambda kind, label, body: kind + label + b"\r\n" + body, LEAF_TYPE, ENCODING, content)
    if depth == 3:
        return leaf
    below = parts(content, depth + 1)
    return st.one_of(
        leaf,
        st.builds(
            multipart,
            st.just(depth),
            st.sampled_from([b"mixed"] * 5 + [b"signed"]),
            ENCODING,
            st.lists(below, min_size=1, max_size=3),
        ),
        st.builds(
            lambda label, inner: b"Content-Type: message/rfc822\r\n" + label + b"\r\nSubject: x\r\n" + inner,
            ENCODING,
            below,
        ),
    )


def multipart(depth, kind, label, children):
    boundary = b"b%d" % depth + bytes([97 + len(children)])
    inside = b"".join(b"--" + boundary + b"\r\n" + child + b"\r\n" for child in children)
    head = b"Content-Type: multipart/" + kind + b"; boundary=" + boundary + b"\r\n" + label
    return head + b"\r\n" + inside + b"--" + boundary + b"--\r\n"


FIELDS = st.lists(
    st.sampled_from(
        [
            b"Message-ID: <4711@client.alfa.example>\r\n",
            b"message-id:\r\n <4711@client.alfa.example> (folded)\r\n",
            b"Bcc:\r\n",
            b"BCC: \t\r\n",
            b"X-Riferimento-Message-ID: <forged@client.alfa.example>\r\n",
            b"X-TipoRicevuta: Breve\r\n",
            b"Subject: =?utf-8?q?Citt=C3=A0?=\r\n",
            b"MIME-Version: 1.0\r\n",
            b"Received: from x\r\n\tby y; Thu, 05 Nov 2026 10:14:55 +0100\r\n",
        ]
    ),
    unique_by=lambda field: field[:5].lower(),
    max_size=6,
).map(b"".join)
SOUND = (
    b"From: <mario.rossi@pec.alfa.example>\r\nTo: anna.bianchi@pec.beta.example\r\n"
    b"Date: Thu, 05 Nov 2026 10:14:55 +0100\r\n"
)


def messages(content):
    return st.builds(lambda fields, inner: fields + SOUND + inner, FIELDS, parts(content))


@st.composite
def mutated(draw):
    data = draw(messages(CONTENT))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        new = draw(
            st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"--b0", b"\0", b"\n", b"\xe0", b":", b'"', b" "])
            | st.binary(max_size=6)
        )
        data = data[:start] + new + data[end:]
    return data


def read(data):
    return read_submission(data, reverse_path=ROSSI, forward_paths=(BIANCHI,))


def prepare(data):
    value = read(data).client_message_id
    return prepare_original(data, identifier=IDENTIFIER, client_message_id=value)


def contents(data):
    return [
        (one.media_type, decode_transfer(one.body(data), one.encoding)) for one in look(data).walk() if not one.children
    ]


@pytest.mark.requirement("AP-21", "AP-11", "GE-31")
@given(messages(ASCII))
def test_without_octets_above_127_only_named_lines_differ(data):
    value = read(data).client_message_id
    kept = bytes(prepare(data).splice).replace(f"Message-ID: <{IDENTIFIER}>\r\n".encode(), b"", 1)
    if value:
        reference = f"X-Riferimento-Message-ID: {value}\r\n".encode()
        assert reference in kept
        kept = kept.replace(reference, b"", 1)
    head, separator, body = data.partition(b"\r\n\r\n")
    head = re.sub(rb"(?im)^message-id:.*\r\n(?:[ \t].*\r\n)*|^bcc:[ \t]*\r\n", b"", head + b"\r\n")
    assert kept == head + separator[2:] + body


@pytest.mark.requirement("AP-21", "AP-11", "AP-15", "GE-31")
@given(mutated())
def test_each_edit_is_of_a_kind_that_the_norm_names(data):
    try:
        made = prepare(data)
    except PecError as refused:
        event(type(refused).__name__)
        return
    position, pieces = 0, []
    for edit in made.edits:
        assert edit.start >= position
        old, new = data[edit.start : edit.end], edit.octets
        body = bool(re.search(rb"[\x80-\xff]", old)) and not OURS.fullmatch(new)
        if not body:
            assert not old or THEIRS.fullmatch(old), old
            assert not new or OURS.sub(b"", new) == b"", new
        pieces += [data[position : edit.start], new]
        position = edit.end
    assert b"".join([*pieces, data[position:]]) == bytes(made.splice)
    assert bytes(made.splice).isascii()


@pytest.mark.requirement("AP-15")
@given(mutated())
def test_every_part_keeps_its_content_and_its_place(data):
    try:
        result = bytes(prepare(data).splice)
        before = contents(data)
    except (OurError, UnreadableMessage):
        return
    assert contents(result) == before


@pytest.mark.requirement("AP-15")
@given(messages(CONTENT))
def test_an_independent_reader_finds_the_same_contents(data):
    assume(not formal_failures(read(data).facts, AccessSettings()))
    result = bytes(prepare(data).splice)
    assert leaves(result) == leaves(data)


def leaves(data):
    message = email.message_from_bytes(data)
    return [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]


@pytest.mark.requirement("AP-5", "AP-21", "AP-15", "GE-14")
@given(mutated())
def test_reading_is_total_and_what_passes_the_checks_can_be_prepared(data):
    submission = read(data)
    assert submission.facts == read(memoryview(data)).facts
    failures = formal_failures(submission.facts, AccessSettings())
    event("refused" if failures else "accepted")
    if not failures:
        assert submission.facts.senders == (ROSSI,)
        assert set(submission.facts.to + submission.facts.cc) == {BIANCHI}
        assert bytes(prepare(data).splice).isascii()


@pytest.mark.requirement("AP-21")
@given(mutated())
def test_the_facts_of_the_prepared_message_are_those_of_the_submission(data):
    submission = read(data)
    assume(not formal_failures(submission.facts, AccessSettings()))
    again = read(bytes(prepare(data).splice))
    assert not formal_failures(again.facts, AccessSettings())
    assert again.client_message_id == f"<{IDENTIFIER}>"
    assert again.recipients == submission.recipients
    assert (again.subject_body, again.reply_to) == (submission.subject_body, submission.reply_to)


@pytest.mark.requirement("AP-5", "SE-8")
@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_octets_at_all_are_answered(data, value):
    read(data)
    field = re.sub(rb"[\r\n]", b"", value)
    found = read(b"Message-ID: " + field + b"\r\n\r\n").client_message_id
    assert found is None or re.fullmatch(r"<[ -~]+>", found)
