"""Encoded words (RFC 2047) to readable text, for eyes and for certification data only.

The original octets stay what they are: a subject that is carried over is never decoded and encoded anew (GE-28).
Whatever comes in, text without control characters comes out, and never an exception. Character sets are taken from a
closed list: the names come from strangers, and some that Python knows are no character sets or take quadratic time.

Clauses: SE-8, XM-3; RFC 2047.
"""

import binascii
import re

_WORD = re.compile(rb"=\?([^?\s]++)\?([bBqQ])\?([^?\r\n]*+)\?=")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_WHITE = re.compile("[\t\n\x0b\x0c\r]")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))

_CHARSETS = {
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in (*range(1, 12), 13, 14, 15, 16)},
    **{f"windows-{n}": f"cp{n}" for n in (874, 932, 936, 949, 950, *range(1250, 1259))},
    **{f"cp{n}": f"cp{n}" for n in (437, 850, 852, 866, *range(1250, 1259))},
    **{
        name: name for name in ("utf-8", "utf-16", "utf-16be", "utf-16le", "koi8-r", "koi8-u", "big5", "gbk", "gb18030")
    },
    **{name: name for name in ("gb2312", "euc-kr", "euc-jp", "shift_jis", "iso-2022-jp", "iso-2022-kr", "tis-620")},
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "latin1": "iso8859-1",
    "iso8859-1": "iso8859-1",
    "iso_8859-1": "iso8859-1",
    "iso8859-15": "iso8859-15",
    "ks_c_5601-1987": "cp949",
    "macintosh": "mac-roman",
}


def neutral(text: str) -> str:
    """Take away what could act instead of being read: white space to spaces, control characters to U+FFFD (SE-8).

    What is left can stand in XML 1.0 (XM-3). Direction marks are kept: showing them is the reader's part.
    """
    if text.isascii() and text.isprintable():
        return text
    return _FORBIDDEN.sub("\ufffd", _WHITE.sub(" ", text))


def decode_octets(octets: bytes, charset: str) -> str:
    """Decode by a character set that a stranger names; what cannot be decoded becomes U+FFFD.

    An unknown character set is read as UTF-8.
    """
    codec = _CHARSETS.get(charset.lower().partition("*")[0], "utf-8")
    return octets.decode(codec, "replace")


def decode_words(body: bytes) -> str:
    """Decode a field body: encoded words, UTF-8 around them, U+FFFD for the rest, no control characters.

    White space between encoded words falls away, and neighbours of one character set are decoded together, for
    there are programs that cut a character in two.
    """
    if b"\n" in body:
        body = _FOLD.sub(b"", body)
    if b"=?" not in body:
        return neutral(body.decode("utf-8", "replace"))
    return neutral("".join(_decoded(body)))


def _decoded(body: bytes) -> list[str]:
    pieces: list[str] = []
    pending: list[bytes] = []  # octets of neighbouring words that share `charset`
    charset = ""
    position = 0
    for found in _WORD.finditer(body):
        between = body[position : found.start()]
        name = found[1].decode("latin-1").lower()
        adjacent = bool(pending) and not between.strip(b" \t\r\n")
        if pending and not (adjacent and name == charset):
            pieces.append(decode_octets(b"".join(pending), charset))
            pending.clear()
        if not adjacent:
            pieces.append(between.decode("utf-8", "replace"))
        pending.append(_word_octets(found[2], found[3]))
        charset, position = name, found.end()
    if pending:
        pieces.append(decode_octets(b"".join(pending), charset))
    pieces.append(body[position:].decode("utf-8", "replace"))
    return pieces


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(text.replace(b"_", b" "), header=False)
    text = text.translate(None, _NOT_BASE64)
    if len(text) % 4 == 1:
        text = text[:-1]
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
