"""Lint on drafts that nobody wrote by hand: composed ones pass, spoilt ones are refused, nothing ever crashes."""

from dataclasses import replace
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope
from ceralacca.formats.splice import Splice
from ceralacca.lint.certified import has_plain_markup
from ceralacca.lint.expected import is_expected
from ceralacca.lint.reading import Reading, identity_of, labels_of, read_labels
from ceralacca.lint.sealable import RULES, LintRefusal, examine, findings_in
from ceralacca.lint.windows import has_bare_line_end, has_longer_line, is_clean, stretch, windows
from ceralacca.testing import good_drafts as good
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.scenario import Scenario, all_drafts

rows = st.sampled_from(list(MessageRow))
GOOD = {row: good.good_draft(row) for row in MessageRow}


@pytest.mark.requirement("GE-1", "GE-31")
@settings(max_examples=150)
@given(row=rows, data=st.data())
def test_any_octets_in_any_place_are_answered(row, data):
    """A draft of noise is refused with findings, never with another error."""

    def noisy(octets):
        at = data.draw(st.integers(0, len(octets)))
        until = data.draw(st.integers(at, min(len(octets), at + 60)))
        return octets[:at] + data.draw(st.binary(max_size=60)) + octets[until:]

    draft = good.with_entity(good.with_header(GOOD[row], noisy), noisy)
    if findings_in(draft):
        with pytest.raises(LintRefusal):
            examine(draft)
    else:
        assert examine(draft).draft is draft


@pytest.mark.requirement("GE-5", "SE-8")
@settings(max_examples=150)
@given(row=st.sampled_from([row for row in MessageRow if row is not MessageRow.ANOMALY_ENVELOPE]), data=st.data())
def test_one_octet_that_mail_may_not_carry_is_refused_wherever_it_stands(row, data):
    octet = data.draw(st.sampled_from([b"\n", b"\r", b"\x00", b"\xff"]))

    def spoil(octets):
        at = data.draw(st.integers(1, len(octets) - 3))
        while octets[at - 1 : at + 1] == b"\r\n" or octets[at : at + 1] == b"\n":
            at += 1
        return octets[:at] + octet + octets[at:]

    header = data.draw(st.booleans())
    draft = good.with_header(GOOD[row], spoil) if header else good.with_entity(GOOD[row], spoil)
    inherited = row is MessageRow.TRANSPORT_ENVELOPE and header and octet == b"\xff"  # GE-24: as it came
    embedded = row is MessageRow.DELIVERY and not header  # DR-3: another provider's octets
    if not inherited and not embedded:
        assert findings_in(draft)


SUBJECTS = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=120).map(lambda t: t.encode()),
    st.binary(max_size=80),
    st.sampled_from([b"", b" ", b"=?utf-8?q?=C3=A0?= b", b"a\r\n b", b"x" * 2000, b"POSTA CERTIFICATA: a", b"<&>\"'"]),
)


@pytest.mark.requirement("GE-28", "GE-13", "XM-3", "SE-8", "GE-19")
@settings(max_examples=60)
@given(subject=SUBJECTS, html=st.booleans())
def test_whatever_the_subject_is_composed_messages_pass(subject, html):
    """Composers and lint share no code: that they agree on strange subjects is worth knowing."""
    clean = bytes(octet for octet in subject if octet not in {0x0A, 0x0D, 0x00} and octet < 0x80)
    field = b"Subject: " + clean.strip() + b"\r\n"
    submitted = Scenario().submitted.replace(b"Subject: =?utf-8?q?Citt=C3=A0?= & controprova <urgente>\r\n", field)
    transaction = Scenario(submitted=submitted, with_html=html).transaction()
    for draft in (transaction.envelope(), transaction.delivery(), transaction.taking_in_charge()):
        assert findings_in(draft) == ()


@pytest.mark.requirement("GE-31")
@given(
    pieces=st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r", b"\n", b"\r\n", b"--B", b"a"]))),
    size=st.integers(1, 50),
)
def test_windows_tile_the_run_and_never_part_a_line_end(pieces, size):
    splice = Splice.of(*pieces)
    whole = bytes(splice)
    seen = list(windows(splice, size))
    assert b"".join(window for _, window in seen) == whole
    assert [base for base, _ in seen] == [sum(len(w) for _, w in seen[:i]) for i in range(len(seen))]
    assert all(is_clean(window) for _, window in seen) is is_clean(whole)
    assert is_clean(whole) is (whole.isascii() and b"\0" not in whole and not has_bare_line_end(whole))
    assert has_bare_line_end(whole) is (b"\r" in whole.replace(b"\r\n", b"") or b"\n" in whole.replace(b"\r\n", b""))


@given(
    lines=st.lists(st.sampled_from([b"", b"a", b"a\nb", b"\r", b"12345678", b"123456789", b"1234567890"]), min_size=1),
    longest=st.integers(1, 10),
)
def test_a_longer_line_is_found_wherever_it_stands(lines, longest):
    whole = b"\r\n".join(lines)
    assert has_longer_line(whole, longest) is any(len(line) > longest for line in whole.split(b"\r\n"))


@given(pieces=st.lists(st.binary(max_size=10)), start=st.integers(0, 60), length=st.integers(0, 60))
def test_a_stretch_is_the_slice(pieces, start, length):
    splice = Splice.of(*pieces)
    assert stretch(splice, start, start + length) == bytes(splice)[start : start + length]


header_lines = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda name, body: name + b":" + body,
        st.sampled_from(
            [b"From", b"To", b"Cc", b"Reply-To", b"Subject", b"Message-ID", b"Received", b"Return-Path", b"To "]
        ),
        st.one_of(
            st.binary(max_size=80), st.sampled_from([b" a@b.example", b' "a b"@c.example', b" <x>", b"\r\n y", b""])
        ),
    ),
)
paths = st.one_of(
    st.none(),
    st.sampled_from(["rete@negozio.example", '"a b"@c.example', "à@b.example", "a" * 300 + "@b.example", "niente"]),
)


@pytest.mark.requirement("BA-1", "BA-2", "BA-3", "BA-5", "GE-25", "IP-20")
@settings(max_examples=200)
@given(lines=st.lists(header_lines, max_size=8), body=st.binary(max_size=60), reverse=paths, html=st.booleans())
def test_whatever_arrives_fits_into_an_anomaly_envelope(lines, body, reverse, html):
    """Mail is never lost because it is strange: the envelope around it always passes."""
    draft = compose_anomaly_envelope(
        Arrival(
            octets=b"\r\n".join(lines) + b"\r\n\r\n" + body,
            reverse_path=None if reverse is None else Address(reverse),
            forward_paths=(Address(good.ANNA), Address("altri@pec.beta.example")),
        ),
        provider=IssuingProvider(name="Gestore Beta S.r.l.", address=Address(good.BETA)),
        instant=good.INSTANT,
        entropy=CountingEntropy(),
        error=AnomalyReason.NO_SIGNATURE,
        with_html=html,
    )
    assert findings_in(draft) == ()


@pytest.mark.requirement("GE-9")
@given(
    kind=st.sampled_from([b"multipart/mixed", b"Multipart/Mixed", b"text/plain", b"multipart/"]),
    boundary=st.one_of(st.binary(max_size=12), st.text(st.characters(max_codepoint=126)).map(str.encode)),
    more=st.sampled_from([b"", b"X: y\r\n", b"; charset=x"]),
)
def test_heads_of_entities_are_read_as_one_only_where_the_boundary_alone_differs(kind, boundary, more):
    head = b'Content-Type: %b; boundary="%b"\r\n%b' % (kind, boundary, more)
    labels, found = labels_of(head)
    one_by_one = read_labels(head)
    assert found == one_by_one.boundary
    assert (labels.type, labels.head.keys, labels.head.whole) == (
        one_by_one.type,
        one_by_one.head.keys,
        one_by_one.head.whole,
    )


DELIMITER = b"\r\n--" + good.BOUNDARY.encode()
SPOILS = [b"", b"\r\n", b"\r\n ", b"\r", b"\n", b"\x00", b"\xe8", b"\t", b" ", b'"', b"\\", b"=?", b"x", b"--", b"<br>"]
SPOILS += [b"To: a@b.example\r\n", b"Return-Path: <a@b.example>\r\n", b"Reply-To: a@b.example\r\n", b"Cc:\r\n", b"None"]
SPOILS += [DELIMITER, DELIMITER + b"--", b"\r\n\r\n", b"y" * 999, b"  \r\n"]
FIELDS = [
    {"message_id": f"<{good.IDENTIFIER}>"},
    {"message_id": "<a.b@gestore-beta.example>"},
    {"reverse_path": None},
    {"reverse_path": Address("MARIO.rossi@pec.alfa.example")},
    {"reverse_path": Address('"a b\\"c"@b.example')},
    {"forward_paths": ()},
    {"forward_paths": (Address(good.SENDER), Address(good.ANNA))},
    {"forward_paths": (Address(good.INFO),)},
    {"instant": good.INSTANT.replace(second=3)},
]
TEXTS = [
    (b"Prova", b"Pro &lt; va"),
    (b"Prova", b" "),
    (b"Prova", b"=?a"),
    (b"completa", b"tutta"),
    (b"mario", b"mar&quot;io"),
]
TEXTS += [(good.CLIENT_ID[1:-1].encode(), b"\xc3\xa8"), (b"alfa.example", b"ALFA.example"), (b"pec1a2b", b"pec.1a2b")]
TEXTS += [(b"<oggetto>Prova</oggetto>", b""), (b"<mittente>", b"<mittente> ")]
DRAFTS = [*GOOD.values(), *all_drafts().values(), *all_drafts(Scenario(with_html=True)).values()]


@st.composite
def spoilt_drafts(draw):
    """A draft that passes, or one with a few octets, lines or facts replaced; often in the same way in two places."""
    draft = draw(st.sampled_from(DRAFTS))
    changes = draw(st.lists(st.sampled_from(["header", "entity", "line", "text", "facts"]), max_size=3))
    for change in changes:
        if change == "facts":
            draft = replace(draft, **draw(st.sampled_from(FIELDS)))
        elif change == "text" and draft.row is not MessageRow.ANOMALY_ENVELOPE:
            old, new = draw(st.sampled_from(TEXTS))
            draft = good.with_certification(draft, lambda xml, o=old, n=new: xml.replace(o.decode(), n.decode()))
            if draw(st.booleans()):
                draft = good.with_header(draft, lambda header, o=old, n=new: header.replace(o, n))
        elif change == "line":
            lines = bytes(draft.header).splitlines(keepends=True) or [b""]
            lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
            del lines[draw(st.integers(0, len(lines) - 1))]
            draft = replace(draft, header=Splice.of(b"".join(lines)))
        elif change in {"header", "entity"}:
            octets = bytes(getattr(draft, change))
            at = draw(st.integers(0, len(octets)))
            at = draw(st.sampled_from([at, octets.find(b"\r\n", at), octets.find(b":", at) + 2, len(octets)]))
            spoilt = octets[:at] + draw(st.sampled_from(SPOILS)) + octets[at + draw(st.integers(0, 3)) :]
            draft = replace(draft, **{change: Splice.of(spoilt)})
    return draft


@pytest.mark.requirement("GE-1")
@settings(max_examples=600)
@given(draft=spoilt_drafts())
def test_a_rule_that_is_not_asked_would_have_found_nothing(draft):
    """What is known of shapes and expected headers spares rules, and changes no finding."""
    reading = Reading.of(draft)
    asked = [(rule.name, each) for rule in RULES if draft.row in rule.rows for each in rule.check(reading)]
    assert [(finding.rule, finding.evidence) for finding in findings_in(draft)] == asked


@pytest.mark.requirement("GE-1", "GE-20")
@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.row.name)
def test_usual_messages_have_the_header_that_is_expected(draft):
    """Rows 2, 7, 8 and 9 have fields of their own, and long subjects are folded: their headers are read."""
    unusual = {MessageRow.NON_ACCEPTANCE_VIRUS, MessageRow.ANOMALY_ENVELOPE, MessageRow.VIRUS_DETECTION}
    unusual |= {MessageRow.NON_DELIVERY_VIRUS, MessageRow.DELIVERY_TIMEOUT}
    assert draft.row in unusual or is_expected(Reading.of(draft))


class Unjoined(Reading):
    """Reads what stands between delimiters as it reads entities that are too long to be joined."""

    def _pieces(self, _delimiter):
        return []


@pytest.mark.requirement("GE-9", "GE-31")
@settings(max_examples=300)
@given(draft=spoilt_drafts())
def test_an_entity_reads_the_same_joined_or_not(draft):
    joined, unjoined = Reading.of(draft), Unjoined.of(draft)
    assert joined.parts == unjoined.parts
    assert joined.shape == unjoined.shape


HEADS = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [b"Message-ID:", b"message-id :", b"X-Riferimento-Message-ID: <a>", b"\r\n", b"\r\n ", b"\r", b":"]
        ),
    ),
    max_size=12,
).map(b"".join)


@pytest.mark.requirement("AP-21")
@given(head=HEADS)
def test_identifiers_of_an_original_are_found_whatever_stands_around_them(head):
    wanted = {b"message-id": [], b"x-riferimento-message-id": []}
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        name, _, body = line.partition(b":")
        wanted.setdefault(name.rstrip().lower(), []).append(body.strip())
    assert identity_of(head) == {name: wanted[name] for name in (b"message-id", b"x-riferimento-message-id")}


@pytest.mark.requirement("XM-2")
@given(
    words=st.lists(st.sampled_from(["xmlns", "=", '"', " ", "a", ">", "ns:", "<b>", "</b>"]), max_size=8).map("".join)
)
def test_a_namespace_is_markup_and_not_a_word(words):
    plain = b'<?xml version="1.0"?><a>%b</a>'
    told = escape(words).encode()
    assert has_plain_markup(plain % told)
    assert not has_plain_markup(plain % told + b"<a xmlns='a'>")
