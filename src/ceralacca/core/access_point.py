"""Formal checks of the access point: what a submitted message must be before it is certified (3.2).

Pure: takes facts that `formats.submission` has read from the octets and the SMTP transaction, gives
back every failure at once, in the order of the norm and in its wording. It sees no octets, answers no
SMTP command, knows nothing of viruses; composing the notice of row 1 is `formats.receipt`.

Clauses: AP-1, AP-2, AP-5 to AP-16, AP-20, AP-24, AP-26, NA-3, AM-5, AM-6, AM-13, AM-14, AM-16, AM-30, SE-7.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ceralacca.base.errors import OurError, UserError
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.notification import RecipientKind

SMALLEST_LIMIT = 30 * 2**20
"""Octets times recipients that a provider must accept (AP-12; 30 MB read as of AM-16)."""
SMALLEST_RECIPIENTS = 50
"""Recipients of one message that a provider must accept (AP-13)."""

SERVICE_UNAVAILABLE = "il servizio non e' disponibile"
"""Wording for a submission that cannot be served at present; no formal check yields it."""

_NOT_CONFORMING = "il messaggio non e' conforme alle specifiche RFC 5322"
_SEVERAL = "Sono state riscontrate le seguenti anomalie:"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """What a provider may set of the formal checks.

    Raises UserError when a value is below what the law makes every provider accept.
    """

    limit_octets: int = SMALLEST_LIMIT
    """Certified limit: octets of the message times number of recipients (AP-12)."""
    recipients: int = SMALLEST_RECIPIENTS
    """Most recipients of one message (AP-13)."""
    strict_header_recipients: bool = True
    """Whether each address in To and Cc must be a recipient of the transaction (AP-10)."""

    def __post_init__(self) -> None:
        _not_below("limit_octets", self.limit_octets, SMALLEST_LIMIT, "AP-12")
        _not_below("recipients", self.recipients, SMALLEST_RECIPIENTS, "AP-13")


def _not_below(name: str, value: int, floor: int, clause: str) -> None:
    if value < floor:
        raise UserError(
            f"{name} is {value}, below the {floor} that every provider must accept ({clause})",
            remedy=f"set {name} to {floor} or more, or leave it out",
        )


class FormDefect(Enum):
    """Why a message is not one that we can certify octet by octet, each with its clause and an Italian hint.

    The wording that the norm gives the holder is one for all; the hint goes to log and help pages.
    """

    UNREADABLE_HEADER = ("AP-5", "l'intestazione non e' leggibile")
    EIGHT_BIT_HEADER = ("AP-5", "un campo dell'intestazione contiene caratteri non ASCII non codificati")
    REPEATED_FIELD = ("AP-5", "un campo che puo' comparire una sola volta e' ripetuto")
    NO_DATE = ("AP-5", "il campo Date e' assente")
    MESSAGE_ID = ("AP-5", "il campo Message-ID non contiene un solo identificativo utilizzabile")
    ADDRESS_SYNTAX = ("AP-5", "un campo con indirizzi non e' scritto correttamente")
    LINE_END = ("AP-5", "una riga non termina con CR LF")
    NUL = ("AP-5", "il messaggio contiene un carattere NUL")
    LONG_LINE = ("AP-5", "una riga supera 998 caratteri")
    AMBIGUOUS_MIME = ("AP-5", "la struttura MIME e' ambigua")
    BAD_ENCODING = ("AP-5", "la codifica di una parte non e' valida")
    LIMITS = ("SE-7", "il messaggio supera i limiti di intestazione, annidamento o numero di parti")
    EIGHT_BIT_SIGNED = ("AP-15", "una parte firmata dall'utente contiene caratteri non ASCII non codificati")
    EIGHT_BIT_ELSEWHERE = ("AP-15", "caratteri non ASCII fuori da una parte che si possa codificare")

    @property
    def requirement(self) -> str:
        """The clause that the defect breaks."""
        return self.value[0]

    @property
    def hint(self) -> str:
        """A short Italian sentence for log and help."""
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionFacts:
    """What the checks need to know of one submission: SMTP facts and header facts, no octets.

    Raises OurError without a forward path: the edge never lets DATA begin before a recipient.
    """

    reverse_path: Address | None
    """MAIL FROM; None is the null path, refused in SMTP and here (AP-14)."""
    forward_paths: tuple[Address, ...]
    """RCPT TO in the order given; a repeated one counts once (AM-30)."""
    octets: int
    """Octets of the DATA content as received (AP-12, AM-16)."""
    header_read: bool = True
    """False when no field could be read: then no check on fields is made, and none passes."""
    senders: tuple[Address, ...] = ()
    """Valid addresses in From, all fields together."""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc_filled: bool = False
    """A Bcc field has a value."""
    defects: frozenset[FormDefect] = frozenset()
    channel_protected: bool = True
    """The client spoke over TLS (AP-1)."""
    sender_owned: bool = True
    """The reverse path belongs to the authenticated identity (AP-2)."""

    def __post_init__(self) -> None:
        if not self.forward_paths:
            raise OurError("a submission without a recipient reached the formal checks")

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The forward paths once each, as `destinatari` lists them: To, then Cc, then those in neither.

        Spelled as in RCPT TO (MO-6, AM-14); when checks on recipients fail they are these same ones (AM-6, NA-3).
        """
        routed = {path.key: path for path in reversed(self.forward_paths)}
        ordered = dict.fromkeys(address.key for address in (*self.to, *self.cc, *self.forward_paths))  # AM-30
        return tuple(routed[key] for key in ordered if key in routed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalFailure:
    """One formal check that a message did not pass."""

    requirement: str
    """Clause of the check."""
    text: str
    """The Italian wording of section 3.2, on one line."""
    detail: str = ""
    """What exactly was wrong, in Italian, for log and help; never part of the certified wording."""


def formal_failures(facts: SubmissionFacts, settings: AccessSettings) -> tuple[FormalFailure, ...]:
    """Return every formal check that fails, in the order of the clauses; empty means acceptable.

    The same facts and settings always give the same failures.
    """
    return (
        *_session_failures(facts),
        *_form_failures(facts),
        *(_field_failures(facts, settings) if facts.header_read else ()),
        *_size_failures(facts, settings),
    )


def _session_failures(facts: SubmissionFacts) -> Iterator[FormalFailure]:
    if not facts.channel_protected:  # AP-1
        yield FormalFailure(requirement="AP-1", text="non e' stata utilizzata la cifratura del canale")
    if not facts.sender_owned:  # AP-2
        text = "le credenziali di autenticazione non sono compatibili con l'indirizzo del mittente"
        yield FormalFailure(requirement="AP-2", text=text)


def _form_failures(facts: SubmissionFacts) -> Iterator[FormalFailure]:
    """One failure a clause, whatever the number of defects: the wording is the same (AP-5, SE-7, AP-15)."""
    defects = facts.defects or (frozenset() if facts.header_read else {FormDefect.UNREADABLE_HEADER})
    if not defects:
        return
    hints: dict[str, list[str]] = {}
    for defect in FormDefect:
        if defect in defects:
            hints.setdefault(defect.requirement, []).append(defect.hint)
    for requirement, details in hints.items():
        yield FormalFailure(requirement=requirement, text=_NOT_CONFORMING, detail="; ".join(details))


def _field_failures(facts: SubmissionFacts, settings: AccessSettings) -> Iterator[FormalFailure]:
    if len(facts.senders) != 1:  # AP-6, AM-13
        text = "il campo From e' assente o non contiene un indirizzo valido"
        yield FormalFailure(requirement="AP-6", text=text)
    if not facts.to:  # AP-7
        text = "il campo To e' assente o non contiene indirizzi validi"
        yield FormalFailure(requirement="AP-7", text=text)
    if len(facts.senders) == 1 and facts.senders[0] != facts.reverse_path:  # AP-8, AP-14, AM-14
        text = f"l'indirizzo del mittente {facts.reverse_path or '<>'} non coincide con quello del campo From"
        yield FormalFailure(requirement="AP-8", text=text)
    yield from _recipient_failures(facts, settings)
    if facts.bcc_filled:  # AP-11, MO-6
        yield FormalFailure(requirement="AP-11", text="il messaggio contiene destinatari in copia nascosta (Bcc)")


def _recipient_failures(facts: SubmissionFacts, settings: AccessSettings) -> Iterator[FormalFailure]:
    """Forward path and To with Cc must be the same addresses (AM-5)."""
    named = (*facts.to, *facts.cc)
    for address in _missing(facts.forward_paths, named):  # AP-9
        text = f"l'indirizzo email {address} non appare nei campi To o Cc"
        yield FormalFailure(requirement="AP-9", text=text)
    if settings.strict_header_recipients:
        for address in _missing(named, facts.forward_paths):  # AP-10
            text = f"l'indirizzo {address} presente nei campi To o Cc non e' tra i destinatari del messaggio"
            yield FormalFailure(requirement="AP-10", text=text)


def _missing(wanted: Sequence[Address], present: Iterable[Address]) -> list[Address]:
    there = {address.key for address in present}
    missing: dict[str, Address] = {}
    for address in wanted:
        if address.key not in there:
            missing.setdefault(address.key, address)
    return list(missing.values())


def _size_failures(facts: SubmissionFacts, settings: AccessSettings) -> Iterator[FormalFailure]:
    recipients = len({address.key for address in facts.forward_paths})
    if facts.octets * recipients > settings.limit_octets:  # AP-12
        yield FormalFailure(requirement="AP-12", text="ecceduta la dimensione massima del messaggio")
    if recipients > settings.recipients:  # AP-13
        yield FormalFailure(requirement="AP-13", text="ecceduto il numero massimo di destinatari")


def failure_description(failures: Sequence[FormalFailure]) -> str:
    r"""Return `[descrizione errore]`, which is also `errore-esteso`: lines joined by `\n`, no line end at the end.

    One failure gives its text; several give a heading and one line each. A text that two clauses share stands
    once. Raises OurError when there is nothing to describe.
    """
    texts = list(dict.fromkeys(failure.text for failure in failures))
    if not texts:
        raise OurError("no formal failure to describe")
    if len(texts) == 1:
        return texts[0]
    return "\n".join([_SEVERAL, *(f"  - {text}" for text in texts)])


class PecDomains(Protocol):
    """What the access point asks of the providers directory."""

    def is_pec(self, domain: str) -> bool:
        """Tell whether the domain (lower case) is among the `managedDomains` of any provider (MO-8)."""
        ...


def classify_recipients(recipients: Iterable[Address], domains: PecDomains) -> tuple[Recipient, ...]:
    """Give each recipient its kind by its domain alone (AP-24, MO-8)."""
    return tuple(Recipient(address=address, kind=_kind(address, domains)) for address in recipients)


def _kind(address: Address, domains: PecDomains) -> RecipientKind:
    return RecipientKind.CERTIFIED if domains.is_pec(address.domain) else RecipientKind.EXTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The formal checks were passed: what follows is the virus check, then acceptance."""

    identifier: str
    """PEC msgid without angle brackets (AP-20)."""
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The message is not accepted: a notice of row 1 goes to the sender and nothing else leaves (F5)."""

    identifier: str
    """PEC msgid without angle brackets: the notice quotes it (AP-20)."""
    recipients: tuple[Recipient, ...]
    failures: tuple[FormalFailure, ...]
    """At least one."""

    @property
    def description(self) -> str:
        """`[descrizione errore]` and `errore-esteso` of the notice."""
        return failure_description(self.failures)


def decide(
    facts: SubmissionFacts, settings: AccessSettings, *, identifier: str, recipients: tuple[Recipient, ...]
) -> Accepted | Refused:
    """Take the formal decision: exactly one of the two, each under its PEC msgid (AP-20, AP-26).

    `recipients` are those of the facts with the kind that the directory has given each (AP-24).
    """
    failures = formal_failures(facts, settings)
    if failures:
        return Refused(identifier=identifier, recipients=recipients, failures=failures)
    return Accepted(identifier=identifier, recipients=recipients)
