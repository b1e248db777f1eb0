"""The reduced original is the original with some spans exchanged, and nothing else, whatever the original is."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.base.errors import PecError
from ceralacca.formats.brief import HashInput, brief_original, matching_hash
from ceralacca.formats.mime.entity import look

texts = st.sampled_from([b"Buongiorno.\r\n", b"", b"a\r\n\r\nb", b"QUJD\r\n", b"perch=E9=\r\n\r\n"])
leaf_types = st.sampled_from(
    [
        b"",
        b"Content-Type: text/plain\r\n",
        b"Content-Type: text/plain; charset=utf-8; name=nota.txt\r\n",
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''%C3%A8.pdf\r\n",
        b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n",
        b"Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n",
        b"Content-Type: image/png\r\nContent-ID: <1>\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    ]
)


@st.composite
def leaves(draw):
    return draw(leaf_types) + b"\r\n" + draw(texts)


@st.composite
def composites(draw, children):
    parts = draw(st.lists(children, min_size=1, max_size=3))
    if draw(st.integers(0, 4)) == 0:
        return b"Content-Type: message/rfc822\r\n\r\n" + parts[0]
    boundary = b"b%d" % draw(st.integers(0, 10**6))
    subtype = draw(st.sampled_from([b"mixed", b"alternative", b"signed", b"digest", b"related; name=x"]))
    return (
        b"Content-Type: multipart/"
        + subtype
        + b"; boundary="
        + boundary
        + b"\r\n\r\n"
        + b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
        + b"--"
        + boundary
        + b"--\r\n"
    )


messages = st.recursive(leaves(), composites, max_leaves=8).map(lambda entity: b"Subject: Prova\r\n" + entity)


@pytest.mark.requirement("BR-1", "BR-2", "BR-3", "BR-5", "BR-9", "GE-31")
@given(original=messages, hash_input=st.sampled_from(HashInput))
def test_only_the_spans_listed_differ(original, hash_input):
    reduced = brief_original(original, look(original), hash_input=hash_input)
    octets, done, position = bytes(reduced.splice), 0, 0
    for one in reduced.hashed:
        kept = original[done : one.span[0]]
        assert octets[position : position + len(kept)] == kept
        position = octets.index(one.digest.encode(), position + len(kept)) + 40
        done = one.span[1]
        assert one.filename.endswith(".hash")
    assert octets[position:] == original[done:]
    assert octets.startswith(b"Subject: Prova\r\n") or not original


@pytest.mark.requirement("BR-1", "BR-2", "BR-6", "BR-7")
@given(original=messages)
def test_no_file_and_no_message_is_left(original):
    top = look(bytes(brief_original(original, look(original)).splice))
    if top.media_type in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        return
    for entity in top.walk():
        if entity is not top:
            assert entity.media_type != "message/rfc822"
            assert "signature" in entity.media_type or (entity.filename or ".hash").endswith(".hash")


@pytest.mark.requirement("BR-1")
@given(original=messages)
def test_reducing_keeps_the_structure(original):
    before, after = look(original), look(bytes(brief_original(original, look(original)).splice))
    replaced = {one.span for one in brief_original(original, before).hashed}

    def shape(entity):
        hidden = (entity.start, entity.end) in replaced or entity.media_type == "message/rfc822"
        return () if hidden else tuple(shape(child) for child in entity.children)

    def plain_shape(entity):
        return tuple(plain_shape(child) for child in entity.children)

    assert shape(before) == plain_shape(after)


@pytest.mark.requirement("AM-9", "BR-5")
@given(original=messages, hash_input=st.sampled_from(HashInput))
def test_every_hash_is_found_again(original, hash_input):
    entities = {(one.start, one.end): one for one in look(original).walk()}
    for one in brief_original(original, look(original), hash_input=hash_input).hashed:
        entity = entities[one.span]
        assert matching_hash(entity.body(original), one.digest, encoding=entity.encoding) is not None
        if hash_input is HashInput.ENCODED:
            assert one.digest == hashlib.sha1(original[one.body[0] : one.body[1]]).hexdigest()


@given(octets=st.binary(max_size=300))
def test_any_octets_are_reduced_or_refused_by_our_own_error(octets):
    with suppress(PecError):
        brief_original(octets, look(octets))
