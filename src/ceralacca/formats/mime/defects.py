"""What a look can find wrong with a message without being stopped by it.

A defect is a value: whether it matters is decided by who asks. `AMBIGUOUS` are those for which two programs may
well read two different messages out of the same octets.

Clauses: AP-5, SE-7.
"""

from enum import StrEnum


class Defect(StrEnum):
    """One way in which octets leave the letter of RFC 5322, 2045 to 2047 or 2231."""

    # Lines.
    EIGHT_BIT = "eight-bit"
    """An octet above 127 where only US-ASCII may stand."""
    NUL = "nul"
    BARE_CR = "bare-cr"
    """CR without LF."""
    BARE_LF = "bare-lf"
    """LF without CR."""
    LONG_LINE = "long-line"
    """More than 998 octets before the line end (RFC 5322, 2.1.1)."""

    # Header.
    LINE_WITHOUT_COLON = "line-without-colon"
    BAD_FIELD_NAME = "bad-field-name"
    """Empty, or with an octet that is not a printable US-ASCII character."""
    SPACE_BEFORE_COLON = "space-before-colon"
    """Obsolete syntax (RFC 5322, 4.5.8)."""
    BLANK_FOLD = "blank-fold"
    """A continuation line of white space only (RFC 5322, 4.2), which some programs take for the end of the header."""
    NO_EMPTY_LINE = "no-empty-line"
    """The entity ends inside its header. Lawful for a message without body."""

    # Content fields of one entity.
    REPEATED_CONTENT_TYPE = "repeated-content-type"
    REPEATED_ENCODING = "repeated-encoding"
    """More than one Content-Transfer-Encoding."""
    REPEATED_DISPOSITION = "repeated-disposition"
    BAD_CONTENT_TYPE = "bad-content-type"
    """Not of the form type/subtype; read as text/plain (RFC 2045, 5.2)."""
    BAD_ENCODING = "bad-encoding"
    """A Content-Transfer-Encoding that is no single word, or not one of the five of RFC 2045."""
    ENCODED_COMPOSITE = "encoded-composite"
    """A multipart or message/rfc822 in base64 or quoted-printable, or another encoding that hides its inside."""

    # Parameters.
    PARAMETER_SYNTAX = "parameter-syntax"
    """Something between parameters, or a value with unquoted spaces."""
    UNCLOSED_QUOTE = "unclosed-quote"
    UNCLOSED_COMMENT = "unclosed-comment"
    REPEATED_PARAMETER = "repeated-parameter"
    RFC2231_CLASH = "rfc2231-clash"
    """A plain and an extended form of one parameter that do not say the same, or a section given twice or missing."""
    EXTENDED_BOUNDARY = "extended-boundary"
    """The boundary is given only in a form of RFC 2231, which many programs do not read there."""
    TOO_MANY_PARAMETERS = "too-many-parameters"
    """More than `parameters.MAX_PARAMETERS`: what follows was not read."""

    # Structure.
    NO_BOUNDARY = "no-boundary"
    """A multipart without a boundary that can be looked for: its inside stays unseen."""
    BAD_BOUNDARY = "bad-boundary"
    """A boundary longer than 70 octets or with characters that RFC 2046 does not allow."""
    DUPLICATE_BOUNDARY = "duplicate-boundary"
    """Equal to that of an enclosing multipart."""
    LOOKALIKE_DELIMITER = "lookalike-delimiter"
    """A line that begins as a delimiter and goes on: RFC 2046, 5.1.1 can be read either way."""
    UNTERMINATED = "unterminated"
    """A multipart without its final delimiter."""
    DELIMITER_AFTER_CLOSE = "delimiter-after-close"
    NO_PARTS = "no-parts"

    # Bodies.
    BAD_BASE64 = "bad-base64"
    """Foreign characters, missing or early padding, or bits set that no octet uses."""
    BAD_QUOTED_PRINTABLE = "bad-quoted-printable"

    # Addresses.
    BAD_ADDRESS = "bad-address"
    """An element that is no address of RFC 5321 with a domain of letters, digits and hyphens."""
    SOURCE_ROUTE = "source-route"
    EMPTY_ELEMENT = "empty-element"
    """Obsolete syntax: nothing between two commas."""
    ADDRESS_SYNTAX = "address-syntax"
    """Unbalanced brackets, a group in a group, a semicolon without a group, and the like."""


AMBIGUOUS = frozenset(
    {
        Defect.EIGHT_BIT,
        Defect.NUL,
        Defect.BARE_CR,
        Defect.BARE_LF,
        Defect.LONG_LINE,
        Defect.LINE_WITHOUT_COLON,
        Defect.BAD_FIELD_NAME,
        Defect.BLANK_FOLD,
        Defect.REPEATED_CONTENT_TYPE,
        Defect.REPEATED_ENCODING,
        Defect.REPEATED_DISPOSITION,
        Defect.ENCODED_COMPOSITE,
        Defect.UNCLOSED_QUOTE,
        Defect.UNCLOSED_COMMENT,
        Defect.REPEATED_PARAMETER,
        Defect.RFC2231_CLASH,
        Defect.EXTENDED_BOUNDARY,
        Defect.TOO_MANY_PARAMETERS,
        Defect.NO_BOUNDARY,
        Defect.DUPLICATE_BOUNDARY,
        Defect.LOOKALIKE_DELIMITER,
        Defect.UNTERMINATED,
        Defect.DELIMITER_AFTER_CLOSE,
        Defect.BAD_BASE64,
    }
)
"""Defects by which the same octets may be two different messages to two programs."""
