"""The subject of the original message carried over into the header of a generated one (GE-28).

The sender's encoded-words stand behind the prefix octet for octet. Whatever octets come in, the
field that goes out is US-ASCII and has no line end but those of its folding (SE-8). The decoded
view, for text and XML, is `formats.subject_text`.

Clauses: GE-28, SE-8.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from ceralacca.formats.kept import kept
from ceralacca.formats.mime.compose import fold
from ceralacca.formats.mime.words import decode_words
from ceralacca.formats.neutral import one_line
from ceralacca.formats.subject_text import decoded_subject, subject_octets

__all__ = ["decoded_subject", "prefixed_subject"]

_WORD = re.compile(rb"([ \t]*)([^ \t]+)")
_PLAIN = re.compile(rb"[!-~]{1,900}")
"""A word that can stand in the header as it is; a longer one might not fit in a line (GE-28)."""
_ENCODED_WORD = re.compile(rb"=\?[!->@-~]+\?[BbQq]\?[!->@-~]*\?=")
_ENCODED_WORD_CONTENT = 75 - len("=?utf-8?q??=")  # RFC 2047, 2


def prefixed_subject(prefix: str, field_body: bytes | None) -> bytes:
    """Return the whole Subject field of a generated message, folded, with its CRLF (GE-28).

    `prefix` is the row's, upper case with its colon. A subject that is missing or blank leaves the
    prefix alone. Words of printable US-ASCII, encoded-words among them, are kept octet for octet;
    words with other octets, and words too long for a line, are decoded as well as they can be and
    written as UTF-8 encoded-words (SE-8). Either way the field decodes to the prefix, a space and what
    `decoded_subject` gives; where that cannot be had word by word, the whole subject is written anew.
    """
    return fold((*_beginning(prefix), *_words(field_body or b"")))


@lru_cache(maxsize=32)
def _beginning(prefix: str) -> tuple[bytes, ...]:
    return (b"Subject:", *(b" " + word for word in prefix.encode("ascii").split()))


@kept(entries=512, most_octets=512)
def _words(field_body: bytes) -> tuple[bytes, ...]:
    """Return the words of the subject, each with its white space; remembered, since four messages have the same."""
    octets = subject_octets(field_body)
    words = list(_header_words(b" " + octets))
    if _text(b"".join(words)) != _text(octets):
        words = list(_reencoded(b" ", octets, before=False, after=b""))
    return tuple(words)


def _text(octets: bytes) -> str:
    return one_line(decode_words(octets))


def _header_words(octets: bytes) -> Iterator[bytes]:
    """Yield words with the white space before them, in US-ASCII and short enough for a line.

    Neighbouring words that must be re-encoded are taken together, so that the white space between
    them is not lost: readers drop what stands between two encoded-words (RFC 2047, 6.2).
    """
    after_encoded_word = False
    space, unfit = b"", b""
    for gap, word in _WORD.findall(octets):
        if not _PLAIN.fullmatch(word):
            space, unfit = (space, unfit + gap + word) if unfit else (gap, word)
            continue
        is_encoded_word = bool(_ENCODED_WORD.fullmatch(word))
        if unfit:
            yield from _reencoded(space, unfit, before=after_encoded_word, after=gap if is_encoded_word else b"")
            unfit = b""
        yield gap + word
        after_encoded_word = is_encoded_word
    if unfit:
        yield from _reencoded(space, unfit, before=after_encoded_word, after=b"")


def _reencoded(space: bytes, octets: bytes, *, before: bool, after: bytes) -> Iterator[bytes]:
    """Write octets as encoded-words; white space towards an encoded-word neighbour goes inside them."""
    text = _text(octets)
    text = (space.decode("ascii") if before else "") + text + after.decode("ascii")
    for number, content in enumerate(_q_contents(text)):
        yield (b" " if number else space) + b"=?utf-8?q?" + content + b"?="


def _q_contents(text: str) -> Iterator[bytes]:
    """Cut the Q encoding of the text into contents that fit, never inside a character (RFC 2047, 5)."""
    content = b""
    for character in text:
        encoded = _q(character)
        if len(content) + len(encoded) > _ENCODED_WORD_CONTENT:
            yield content
            content = b""
        content += encoded
    yield content


def _q(character: str) -> bytes:
    if character == " ":
        return b"_"
    if character.isascii() and character.isalnum():
        return character.encode("ascii")
    return b"".join(b"=%02X" % octet for octet in character.encode("utf-8"))
