"""Things to put into a store: for the tests of stores, of services over them, and for benches.

Each maker takes a number or name and gives the same value for it every time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ceralacca.core.delivery_point import Fate
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData, Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import MessageRow, RecipientKind
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.splice import Octets, Splice
from ceralacca.ports.letters import Inbound, Letter, Point
from ceralacca.ports.store import InfectedMessage, JobKind, NewJob, RecipientFate, SentMessage, Taken
from ceralacca.testing.clock import NOON

SENDER = Address("Mario.Rossi@alfa.example")
ANNA = Address("anna@beta.example")
BRUNO = Address("bruno@beta.example")
PROVIDER = "Gestore Beta S.p.A."
LEASE = timedelta(minutes=5)


def inbound(key: str = "in-1", *, point: Point = Point.ACCESS, octets: Octets | Splice | None = None) -> Inbound:
    """Return a received message."""
    return Inbound(
        key=key,
        point=point,
        octets=f"Subject: {key}\r\n\r\nBuongiorno.\r\n".encode("utf-8", "replace") if octets is None else octets,
        reverse_path=SENDER,
        forward_paths=(ANNA, BRUNO),
        received=NOON,
        peer="client.example [192.0.2.7]",
        tls="TLSv1.3",
        authenticated=SENDER.text,
        trace=b"Received: from client.example\r\n",
    )


def letter(key: str = "id-1/-/acceptance", *, octets: Octets | Splice | None = None) -> Letter:
    """Return a generated letter."""
    return Letter(
        key=key,
        octets=f"X-Ricevuta: {key}\r\n\r\n".encode("utf-8", "replace") if octets is None else octets,
        reverse_path=None,
        forward_paths=(SENDER,),
        message_id=f"<{key}@alfa.example>",
        instant=NOON,
        row=MessageRow.ACCEPTANCE,
        identifier=key.partition("/")[0],
    )


def sent(identifier: str = "id-1", states: Mapping[Address, RecipientState] | None = None) -> SentMessage:
    """Return an accepted message to Anna and Bruno."""
    return SentMessage(
        original=OriginalData(
            sender=SENDER,
            recipients=(
                Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),
                Recipient(address=BRUNO, kind=RecipientKind.CERTIFIED),
            ),
            reply_to=SENDER.text,
            subject="Perché no? \N{EURO SIGN}",
            identifier=identifier,
            client_message_id="<client-1@alfa.example>",
        ),
        subject_body=b" =?utf-8?q?Perch=C3=A9_no=3F?=",
        accepted=NOON,
        states=states or {ANNA: RecipientState.DISPATCHED, BRUNO: RecipientState.DISPATCHED},
    )


def taken(identifier: str = "id-1", recipients: frozenset[Address] = frozenset({ANNA, BRUNO})) -> Taken:
    """Return a taking in charge."""
    return Taken(
        provider=PROVIDER, identifier=identifier, recipients=recipients, letter=f"{identifier}/-/taking", at=NOON
    )


def fate(identifier: str = "id-1", recipient: Address = ANNA) -> RecipientFate:
    """Return what became of an envelope for one recipient."""
    return RecipientFate(provider=PROVIDER, identifier=identifier, recipient=recipient, fate=Fate.STORED, at=NOON)


def infected(digest: str, key: str = "infected-1", identifier: str = "id-1") -> InfectedMessage:
    """Return a message for the virus storage."""
    return InfectedMessage(
        key=key,
        digest=digest,
        identifier=identifier,
        found=NOON,
        sender=SENDER,
        recipients=(ANNA,),
        virus="Eicar-Test-Signature",
        engine="ClamAV 1.4.6/1",
    )


def job(key: str, kind: JobKind = JobKind.RELAY, *, due: datetime = NOON) -> NewJob:
    """Return a job to be done."""
    return NewJob(key=key, kind=kind, due=due, payload={"letter": key, "attempt": 3, "note": None})


def log_row(identifier: str | None = "id-1", event: LogEvent = LogEvent.ACCEPTANCE) -> LogRow:
    """Return a row of the message log with every field filled in."""
    return LogRow(
        instant=NOON,
        event=event,
        identifier=identifier,
        client_message_id="<client-1@alfa.example>",
        sender=SENDER,
        recipients=(Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),),
        subject="Perché no?",
        kind="accettazione",
        error="nessuno",
        error_detail="5.1.1",
        concerned=(ANNA, BRUNO),
        message_id="<m-1@alfa.example>",
        provider=PROVIDER,
        peer="mx.beta.example",
        tls="TLSv1.3",
        detail="late",
    )
