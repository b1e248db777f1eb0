"""Rules for the outer header of what we emit: its grammar, its fields, and that they agree.

The outer header is not covered by the signature (GE-8); what it says must be said by the signed
part too, and these rules hold the two together. The words of the norm are written here a second
time on purpose: a slip in the composers' table must not pass because it was copied.

Clauses: GE-20 to GE-22, GE-24 to GE-30, GE-32, BT-2, BT-4, BT-5, MO-6, MO-10 to MO-12, SE-8, TI-3,
and the table of 1.1.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.reading import Reading, read_fields
from ceralacca.lint.rule import CERTIFIED_ROWS, EVERY_ROW, Family
from ceralacca.lint.windows import has_bare_line_end, has_longer_line

FAMILY = Family()

LONGEST_LINE = 998
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_USUAL = bytes([*b"\t\r\n", *range(0x20, 0x7F)])
_BLANK = re.compile(rb"\r\n[ \t]++\r\n")
OWN_ID = re.compile(r"<[A-Za-z0-9]+@[A-Za-z0-9.-]+>")
_BARE_ADDRESS = re.compile(r'[^\s<>(),:;"\[\]]+@[A-Za-z0-9.-]+|"(?:[^"\\]|\\.)*"@[A-Za-z0-9.-]+')
_WORD = re.compile(r"[!-~]{1,900}")
_ESCAPE = re.compile(r"\\(.)")
_ENCODED_ON_BEHALF = re.compile(r"(?:=\?utf-8\?b\?[A-Za-z0-9+/=]+\?=[ \t]+)+<[^<>@\s]+@[A-Za-z0-9.-]+>")
_ON_BEHALF = re.compile(r'"Per conto di: ((?:[^"\\]++|\\.)*)"[ \t]+<([^<>@\s]+@[A-Za-z0-9.-]+)>')

MARKERS = {
    MessageRow.NON_ACCEPTANCE: "non-accettazione",
    MessageRow.NON_ACCEPTANCE_VIRUS: "non-accettazione",
    MessageRow.ACCEPTANCE: "accettazione",
    MessageRow.TRANSPORT_ENVELOPE: "posta-certificata",
    MessageRow.DELIVERY_TIMEOUT: "preavviso-errore-consegna",
    MessageRow.TAKING_IN_CHARGE: "presa-in-carico",
    MessageRow.ANOMALY_ENVELOPE: "errore",
    MessageRow.VIRUS_DETECTION: "rilevazione-virus",
    MessageRow.NON_DELIVERY_VIRUS: "errore-consegna",
    MessageRow.DELIVERY: "avvenuta-consegna",
    MessageRow.NON_DELIVERY: "errore-consegna",
}
PREFIXES = {
    MessageRow.NON_ACCEPTANCE: "AVVISO DI NON ACCETTAZIONE:",
    MessageRow.NON_ACCEPTANCE_VIRUS: "AVVISO DI NON ACCETTAZIONE PER VIRUS:",
    MessageRow.ACCEPTANCE: "ACCETTAZIONE:",
    MessageRow.TRANSPORT_ENVELOPE: "POSTA CERTIFICATA:",
    MessageRow.DELIVERY_TIMEOUT: "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO:",
    MessageRow.TAKING_IN_CHARGE: "PRESA IN CARICO:",
    MessageRow.ANOMALY_ENVELOPE: "ANOMALIA MESSAGGIO:",
    MessageRow.VIRUS_DETECTION: "PROBLEMA DI SICUREZZA:",
    MessageRow.NON_DELIVERY_VIRUS: "AVVISO DI MANCATA CONSEGNA PER VIRUS:",
    MessageRow.DELIVERY: "CONSEGNA:",
    MessageRow.NON_DELIVERY: "AVVISO DI MANCATA CONSEGNA:",
}
ENVELOPES = frozenset({MessageRow.TRANSPORT_ENVELOPE, MessageRow.ANOMALY_ENVELOPE})
TO_SERVICE_MAILBOX = frozenset({MessageRow.TAKING_IN_CHARGE, MessageRow.VIRUS_DETECTION})
SECURITY = frozenset({MessageRow.NON_ACCEPTANCE_VIRUS, MessageRow.NON_DELIVERY_VIRUS})

_EVERYWHERE = frozenset({"date", "subject", "from", "to", "message-id", "sender"})
_RECEIPT = _EVERYWHERE | {"x-ricevuta", "x-riferimento-message-id"}
_INHERITED = frozenset({"received", "return-path", "to", "cc", "reply-to"})
_FIELDS = {
    **dict.fromkeys(MessageRow, _RECEIPT),
    **dict.fromkeys(SECURITY, _RECEIPT | {"x-verificasicurezza"}),
    MessageRow.VIRUS_DETECTION: _RECEIPT | {"x-mittente"},
    MessageRow.TRANSPORT_ENVELOPE: _EVERYWHERE
    | _INHERITED
    | {"x-trasporto", "x-tiporicevuta", "x-riferimento-message-id"},
    MessageRow.ANOMALY_ENVELOPE: _EVERYWHERE | _INHERITED | {"x-trasporto"},
}
"""The fields that a row may have: no other field of an original is ever copied (GE-27)."""
_OPTIONAL = _INHERITED | {"sender"}
_ORDER = ("received", "return-path", "x-", "date", "subject", "from", "sender", "to", "cc", "reply-to", "message-id")


@lru_cache(maxsize=1024)
def is_bare(address: str) -> bool:
    """Tell whether it is an address alone, as a field may hold it."""
    return _BARE_ADDRESS.fullmatch(address) is not None


def inherits(row: MessageRow, key: str) -> bool:
    """Tell whether that field of the row is the original's own, octet for octet (GE-24, GE-25)."""
    if row is MessageRow.ANOMALY_ENVELOPE and key == "message-id":
        return True
    return row in ENVELOPES and key in _INHERITED


@FAMILY.rule("header-grammar", "GE-5", "SE-8")
def header_grammar(reading: Reading) -> Iterator[str]:
    """Every octet belongs to a field that ends with CRLF; nothing could begin another field or the body."""
    head = reading.head
    if not head.whole:
        yield "the header is not a run of fields with CRLF ends"
        if has_bare_line_end(head.octets):
            yield "a CR or LF stands alone"
    if b"\0" in head.octets:
        yield "a NUL"


@FAMILY.rule("header-octets", "GE-14", "SE-8", "GE-28")
def header_octets(reading: Reading) -> Iterator[str]:
    """What we write ourselves is printable US-ASCII in lines of at most 998 octets, none of them blank."""
    row, head = reading.draft.row, reading.head
    octets = head.octets
    if not (octets.translate(None, _USUAL) or _BLANK.search(octets) or has_longer_line(octets, LONGEST_LINE)):
        return
    fields, _ = read_fields(head.octets.decode("latin-1"))
    for key, name, (first, *more) in fields:
        if inherits(row, key):
            continue
        if not all(line.isascii() and not _CONTROL.search(line) for line in (first, *more)):
            yield f"{key}: an octet above 127 or a control character"
        if any(len(line) > LONGEST_LINE for line in (f"{name}:{first}", *more)):
            yield f"{key}: a line of more than 998 octets"
        if not all(line.strip(" \t\v\f") for line in more):
            yield f"{key}: a folded line without content"


@FAMILY.rule("header-fields", "GE-20", "GE-24", "GE-27", "MO-6")
def header_fields(reading: Reading) -> Iterator[str]:
    """The fields of the row, each once, and no others."""
    yield from _misplaced_fields(reading.draft.row, reading.head.keys)


@lru_cache(maxsize=256)
def _misplaced_fields(row: MessageRow, keys: tuple[str, ...]) -> tuple[str, ...]:
    allowed, found = _FIELDS[row], []
    for key, count in Counter(keys).items():
        if key not in allowed:
            found.append(f"{key} does not belong there")
        elif count > 1 and key != "received" and not (row is MessageRow.ANOMALY_ENVELOPE and inherits(row, key)):
            found.append(f"{key} occurs {count} times")
    needed = allowed - (_OPTIONAL if row in ENVELOPES else {"sender"})
    return (*found, *(f"{key} is missing" for key in sorted(needed.difference(keys))))


@FAMILY.rule("header-order", "GE-32")
def header_order(reading: Reading) -> Iterator[str]:
    """Trace fields, X- fields, Date, Subject, From, To, Cc, Reply-To, Message-ID."""
    if not _in_order(reading.head.keys):
        yield "the fields are not in the order of emission"


@lru_cache(maxsize=256)
def _in_order(keys: tuple[str, ...]) -> bool:
    places = [_place(key) for key in keys]
    return places == sorted(places)


def _place(key: str) -> int:
    if key in {"received", "return-path"}:
        return 0
    key = "x-" if key.startswith("x-") else key
    return _ORDER.index(key) if key in _ORDER else len(_ORDER)


@FAMILY.rule("marker", "GE-20", "BT-4", "NV-1", "MV-1", "RV-1")
def marker(reading: Reading) -> Iterator[str]:
    """The X- fields say what the row says."""
    row, head = reading.draft.row, reading.head
    key = "x-trasporto" if row in ENVELOPES else "x-ricevuta"
    if head.single.get(key) != MARKERS[row]:
        yield f"{key} is not {MARKERS[row]}"
    if row in SECURITY and head.single.get("x-verificasicurezza") != "errore":
        yield "x-verificasicurezza is not errore"
    if row is MessageRow.VIRUS_DETECTION and head.single.get("x-mittente") != reading.xml_text["mittente"]:
        yield "x-mittente is not the sender of the certification data"
    if row is MessageRow.TRANSPORT_ENVELOPE:
        certified = reading.certified
        if (
            certified is None
            or "ricevuta" not in certified.texts
            or head.single.get("x-tiporicevuta") != certified.requested
        ):
            yield "x-tiporicevuta is not ricevuta of the certification data"


@FAMILY.rule("date", "GE-23", "TI-2", "TI-3")
def date(reading: Reading) -> Iterator[str]:
    """Date is the instant of the step, in Italian legal time."""
    if reading.head.single.get("date") != reading.local.date:
        yield "Date is not the instant of the draft in legal time"


@FAMILY.rule("subject", "GE-28", "SE-8")
def subject(reading: Reading) -> Iterator[str]:
    """The row's prefix, one space, the original's subject; the prefix alone when that has none."""
    row = reading.draft.row
    body = reading.head.single.get("subject") or ""
    prefix = PREFIXES[row]
    rest = body[len(prefix) :]
    if not body.startswith(prefix) or (rest and (not rest.startswith(" ") or not rest[1:].strip())):
        yield "the subject does not begin with the prefix of the row"
        return
    if row is MessageRow.ANOMALY_ENVELOPE or reading.certified is None or "=?" in rest:
        return
    if rest[1:] != reading.xml_text["oggetto"] and " ".join(rest.split()) != " ".join(
        (reading.xml_text["oggetto"] or "").split()
    ):
        yield "the subject is not the one of the certification data"


@FAMILY.rule("from", "GE-21", "BT-2", "MO-3", "GE-26")
def sender(reading: Reading) -> Iterator[str]:
    """A bare provider address; in envelopes behind `Per conto di:` and the original sender's address."""
    draft, head = reading.draft, reading.head
    body = head.single.get("from") or ""
    if "sender" in head.keys and head.single.get("sender") != body:
        yield "Sender is not equal to From"
    if draft.row not in ENVELOPES:
        if not is_bare(body):
            yield "From is not a bare address"
        return
    match = _ON_BEHALF.fullmatch(body)
    if draft.row is MessageRow.ANOMALY_ENVELOPE and _ENCODED_ON_BEHALF.fullmatch(body):
        return  # ordinary mail may come from an address that no quoted-string can hold
    if not match:
        yield "From has not the form of an envelope's From"
        return
    on_behalf = _ESCAPE.sub(r"\1", match[1]) if "\\" in match[1] else match[1]
    expected = (
        reading.xml_text["mittente"]
        if draft.row is MessageRow.TRANSPORT_ENVELOPE
        else draft.reverse_path and draft.reverse_path.text
    )
    if expected and on_behalf != expected:
        yield "From does not name the original sender's address"


@FAMILY.rule("to", "GE-21", "MO-5", "MO-10", rows=EVERY_ROW - ENVELOPES)
def addressee(reading: Reading) -> Iterator[str]:
    """A receipt goes to one address: the original sender, or the service mailbox for rows 6 and 8."""
    draft = reading.draft
    body = reading.head.single.get("to") or ""
    if not is_bare(body):
        yield "To is not one bare address"
    if [path.text for path in draft.forward_paths] != [body]:
        yield "the forward path is not the address in To"
    if draft.row not in TO_SERVICE_MAILBOX and body != reading.xml_text["mittente"]:
        yield "To is not the sender of the certification data"


@FAMILY.rule("paths", "MO-11", "MO-12", "MO-13", "BT-5", "BA-2")
def paths(reading: Reading) -> Iterator[str]:
    """Receipts leave under the provider address; envelopes keep the paths of the original."""
    draft = reading.draft
    reverse = draft.reverse_path.text if draft.reverse_path else None
    if not draft.forward_paths:
        yield "there is no forward path"
    if draft.row not in ENVELOPES:
        if reverse is None or reverse != reading.head.single.get("from"):
            yield "the reverse path is not the provider address"
    elif draft.row is MessageRow.TRANSPORT_ENVELOPE:
        if reverse is None or reverse != reading.xml_text["mittente"]:
            yield "the reverse path is not the original sender"
        if {path.key for path in draft.forward_paths} != {text.lower() for text in reading.xml_texts["destinatari"]}:
            yield "the forward paths are not the recipients of the certification data"


@FAMILY.rule("message-id", "GE-29", "GE-30", "BT-1", "BA-3")
def message_id(reading: Reading) -> Iterator[str]:
    """The envelope's is the PEC msgid; a receipt's is new; an anomaly envelope's is inherited."""
    draft = reading.draft
    body = reading.head.single.get("message-id")
    identifier = f"<{reading.xml_text['identificativo']}>"
    if body != draft.message_id and (body or "").split() != draft.message_id.split():
        yield "Message-ID is not the one of the draft"
    if draft.row is MessageRow.ANOMALY_ENVELOPE:
        return
    if not OWN_ID.fullmatch(body or ""):
        yield "Message-ID is not alphanumeric @ domain"
    if (body == identifier) is not (draft.row is MessageRow.TRANSPORT_ENVELOPE):
        yield "Message-ID is that of an envelope in a receipt, or the reverse"


@FAMILY.rule("reference", "GE-22", "AP-22", "AP-23", rows=CERTIFIED_ROWS)
def reference(reading: Reading) -> Iterator[str]:
    """X-Riferimento-Message-ID is what the client had put; the PEC msgid when it had put nothing."""
    if reading.head.single.get("x-riferimento-message-id") != reference_of(reading):
        yield "X-Riferimento-Message-ID is not msgid of the certification data"


def reference_of(reading: Reading) -> str:
    """Return what the certification data ask of X-Riferimento-Message-ID."""
    client_id = (reading.xml_text["msgid"] or "").strip()
    # What no header line could hold counts as none (SE-8).
    return client_id if _WORD.fullmatch(client_id) else f"<{reading.xml_text['identificativo']}>"


@FAMILY.rule("reply-to", "BT-3", rows={MessageRow.TRANSPORT_ENVELOPE})
def reply_to(reading: Reading) -> Iterator[str]:
    """An envelope always says where to answer."""
    if "reply-to" not in reading.head.keys:
        yield "there is no Reply-To"
