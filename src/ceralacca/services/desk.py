"""The desk of one step: what it generates, logs and leaves to be done is laid here, then committed as one.

A desk lives for one job and belongs to one thread. Nothing leaves from it: the store makes its commit
durable, and the next jobs do the rest. Where a letter goes from here is known here too: to our own
incoming point when the domain is ours (MO-7), else to the relay, one job for each destination (BT-5).

Clauses: AP-25, DP-3, IP-21, TI-1, LO-3, BT-5, BT-7, MO-7, AM-19.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Unpack

from ceralacca.base.instants import to_the_second
from ceralacca.core.deadlines import Deadlines
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import ErrorKind, RecipientKind
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.splice import Octets, Splice
from ceralacca.ports.letters import Inbound, Letter, Point, StoredInbound
from ceralacca.ports.store import (
    Commit,
    InfectedMessage,
    Job,
    JobKind,
    NewJob,
    ReceivedReceipt,
    RecipientFate,
    SentMessage,
    StateChange,
    Taken,
)
from ceralacca.services.keys import Timer, deadline_key, mailbox_name
from ceralacca.services.lockstep import give_way
from ceralacca.services.log_rows import Details, about
from ceralacca.services.office import Office
from ceralacca.services.payload import written

INTERNAL = "internal"
"""What stands for the protection of a way that no network is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A letter on its way out: sealed a moment ago, or stored long since and sent again."""

    key: str
    octets: Callable[[], Octets | Splice]
    """Read only when it goes to our own incoming point."""
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    instant: datetime
    original: OriginalData
    """What it is about, for the relay's rows in the log (LO-1)."""
    scanned: str = ""
    """The edition of the scanner under which its content was found clean (`services.scanning`)."""
    repeat: str = ""
    """What makes this sending another one than the first: then there are new jobs for the same letter (IP-21)."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """What one step has decided so far."""

    office: Office
    job: Job
    instant: datetime
    """The one clock reading of the step (TI-1, GE-23)."""
    sent: list[SentMessage] = field(default_factory=list)
    states: list[StateChange] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    inbound: list[Inbound] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    fates: list[RecipientFate] = field(default_factory=list)
    infected: list[InfectedMessage] = field(default_factory=list)
    infected_again: list[str] = field(default_factory=list)
    receipts: list[ReceivedReceipt] = field(default_factory=list)
    rows: list[LogRow] = field(default_factory=list)
    jobs: list[NewJob] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def at(self, instant: datetime) -> "Desk":
        """Return the same desk at another instant: what is laid on one lies on both."""
        return replace(self, instant=instant)

    def commit(self, *, repeatable: bool = False) -> Commit:
        """Return all of it as the one commit that finishes the job, to be synced unless a power cut may undo it."""
        return Commit(
            done=self.job.id,
            instant=self.instant,
            sent=tuple(self.sent),
            states=tuple(self.states),
            letters=tuple(self.letters),
            inbound=tuple(self.inbound),
            taken=tuple(self.taken),
            fates=tuple(self.fates),
            infected=tuple(self.infected),
            infected_again=tuple(self.infected_again),
            receipts=tuple(self.receipts),
            log=tuple(self.rows),
            jobs=tuple(self.jobs),
            cancelled=tuple(self.cancelled),
            repeatable=repeatable,
        )

    # -- what is generated and recorded ---------------------------------------------------------------

    def issuance(self, original: OriginalData, subject_body: bytes | None) -> Issuance:
        """Return what the composers take, at the instant of the step."""
        office = self.office
        return Issuance(
            provider=office.provider,
            instant=self.instant,
            entropy=office.entropy,
            original=original,
            subject_body=subject_body,
        )

    def issue(
        self,
        draft: Draft,
        *,
        key: str,
        event: LogEvent,
        original: OriginalData | None,
        error: ErrorKind = ErrorKind.NONE,
        **details: Unpack[Details],
    ) -> Letter:
        """Seal a draft, keep it as a letter under its key and log that it was made: once and for ever."""
        give_way()
        sealed = self.office.seals(draft)
        give_way()
        letter = Letter(
            key=key,
            octets=sealed.octets,
            reverse_path=sealed.reverse_path,
            forward_paths=sealed.forward_paths,
            message_id=sealed.message_id,
            instant=self.instant,
            row=sealed.row,
            identifier=original.identifier if original else "",
        )
        self.letters.append(letter)
        kind = sealed.row.facts.kind
        details |= {
            "kind": str(kind) if kind else "",
            "message_id": sealed.message_id,
            "provider": self.office.provider.name,
        }
        self.rows.append(about(event, self.instant, original, error=error, **details))
        return letter

    def note(
        self,
        event: LogEvent,
        original: OriginalData | None,
        *,
        error: ErrorKind = ErrorKind.NONE,
        **details: Unpack[Details],
    ) -> None:
        """Log an event at the instant of the step (LO-3)."""
        self.rows.append(about(event, self.instant, original, error=error, **details))

    def shelve(self, receipt: CertificationData, holder: Address, *, digest: str, message_id: str) -> None:
        """Let a receipt for a holder be found again after it was delivered (LO-8)."""
        self.receipts.append(
            ReceivedReceipt(
                identifier=receipt.original.identifier,
                holder=holder,
                digest=digest,
                message_id=message_id,
                kind=str(receipt.kind),
                instant=self.instant,
            )
        )

    # -- timers ---------------------------------------------------------------------------------------

    def arm(self, identifier: str, recipient: Address, deadlines: Deadlines) -> None:
        """Make both timers of a certified recipient durable jobs (TI-6, TI-10)."""
        for timer, due in ((Timer.TWELVE, deadlines.twelve_hours), (Timer.TWENTY_FOUR, deadlines.twenty_four_hours)):
            payload = {"identifier": identifier, "recipient": recipient.text, "timer": str(timer)}
            key = deadline_key(identifier, recipient, timer)
            self.jobs.append(NewJob(key=key, kind=JobKind.DEADLINE, due=due, payload=payload))

    def disarm(self, identifier: str, recipient: Address, *timers: Timer) -> None:
        """Cancel timers of a recipient, also those that this very step has armed."""
        keys = [deadline_key(identifier, recipient, timer) for timer in timers]
        self.cancelled.extend(keys)
        self.jobs[:] = [job for job in self.jobs if job.key not in keys]

    def move(
        self,
        identifier: str,
        recipient: Address,
        before: RecipientState,
        after: RecipientState,
        *,
        or_from: frozenset[RecipientState] = frozenset(),
    ) -> None:
        """Record that a recipient's state changes; or stays, if only another step of the batch has it there.

        `or_from`: the states from which this very step would follow as well.
        """
        if before is not after or recipient in self._hoped(identifier):
            self.states.append(
                StateChange(identifier=identifier, recipient=recipient, before=before, after=after, or_from=or_from),
            )

    def sent_message(self, identifier: str) -> SentMessage | None:
        """Return a message that we accepted, with its states as this step leaves them, after those of its batch."""
        sent = next((one for one in self.sent if one.original.identifier == identifier), None)
        sent = sent or self.office.store.sent(identifier)
        moved = {one.recipient: one.after for one in self.states if one.identifier == identifier}
        moved = {**self._hoped(identifier), **moved}
        return replace(sent, states={**sent.states, **moved}) if sent and moved else sent

    def _hoped(self, identifier: str) -> Mapping[Address, RecipientState]:
        """Return the states in which steps before this one in its batch leave a message, if their commits are taken."""
        moves = self.office.moves
        return {} if moves is None else moves.before(self.job, identifier)

    # -- to mailboxes of ours -------------------------------------------------------------------------

    def own(self, paths: Sequence[Address]) -> list[Address]:
        """Return those whose mailboxes are ours."""
        domains = self.office.store.domains()
        return [path for path in paths if path.domain in domains]

    def deliver_letter(self, letter: Letter, kind: MessageClass, recipients: Sequence[Address] | None = None) -> None:
        """Hand a letter of ours to the delivery point, for each of its recipients."""
        for recipient in letter.forward_paths if recipients is None else recipients:
            name = mailbox_name(letter.instant, letter.key, recipient.key)
            payload = {"letter": letter.key, "kind": str(kind), "identifier": letter.identifier}
            self._deliver(recipient, name, payload)

    def deliver_inbound(
        self,
        inbound: StoredInbound,
        kind: MessageClass,
        recipient: Address,
        *,
        name: str,
        identifier: str = "",
        provider: str = "",
        scanned: str = "",
    ) -> None:
        """Hand a received message to the delivery point, unmodified (DP-2), with what it was found to be (MO-14)."""
        payload = {"inbound": inbound.key, "kind": str(kind), "identifier": identifier, "provider": provider}
        if scanned:
            payload["scanned"] = scanned
        self._deliver(recipient, name, payload)

    def deliver_envelope(self, letter: Letter, recipient: Address, *, name: str, provider: str, scanned: str) -> None:
        """Hand an envelope of ours to the delivery point, as `deliver_inbound` does one of others."""
        words = {"kind": str(MessageClass.ENVELOPE), "identifier": letter.identifier, "provider": provider}
        self._deliver(recipient, name, {"letter": letter.key, **words, "scanned": scanned})

    def _deliver(self, recipient: Address, name: str, payload: dict[str, str]) -> None:
        whole = {"recipient": recipient.text, "name": name, **payload}
        key = f"delivery:{recipient.key}:{name}"
        self.jobs.append(NewJob(key=key, kind=JobKind.DELIVERY, due=self.instant, payload=whole))

    # -- to other providers, and to ourselves ---------------------------------------------------------

    def send(self, outgoing: Outgoing, *, external: Collection[Address] = (), inside: Collection[Address] = ()) -> None:
        """Send a letter to each of its destinations: one job each, with all recipients that belong there (BT-5).

        `external` are the recipients outside PEC, for whom ordinary rules hold. Our own domains are one
        destination, whichever of them it is (MO-7). To those `inside` it has been given already.
        """
        paths = [path for path in outgoing.forward_paths if path not in inside]
        if not paths:
            return
        own = self.office.store.domains()
        here = [path for path in paths if path.domain in own]
        service = [path for path in here if path == self.office.service_mailbox]
        self._pass_inside(outgoing, "service", service)
        self._pass_inside(outgoing, "holders", [path for path in here if path not in service])
        ordinary = {path.domain for path in external}
        for domain in dict.fromkeys(path.domain for path in paths if path.domain not in own):
            self._relay(outgoing, domain, RecipientKind.EXTERNAL if domain in ordinary else RecipientKind.CERTIFIED)

    def send_letter(
        self,
        letter: Letter,
        original: OriginalData,
        *,
        scanned: str,
        external: Collection[Address] = (),
        inside: Collection[Address] = (),
    ) -> None:
        """Send a letter that this step has made about an original."""
        outgoing = Outgoing(
            key=letter.key,
            octets=lambda: letter.octets,
            reverse_path=letter.reverse_path,
            forward_paths=letter.forward_paths,
            instant=letter.instant,
            original=original,
            scanned=scanned,
        )
        self.send(outgoing, external=external, inside=inside)

    def _relay(self, outgoing: Outgoing, domain: str, kind: RecipientKind) -> None:
        office, start = self.office, outgoing.instant
        certified = kind is RecipientKind.CERTIFIED
        lifetime = office.deadlines.queue_lifetime if certified else office.patience.ordinary_mail
        payload = {
            "letter": outgoing.key,
            "domain": domain,
            "kind": kind.value,
            "expires": (start + lifetime).isoformat(),  # BT-7, AM-19
            "about": written(outgoing.original),
        }
        key = f"relay:{outgoing.key}:{domain}{outgoing.repeat and f':{outgoing.repeat}'}"
        self.jobs.append(NewJob(key=key, kind=JobKind.RELAY, due=self.instant, payload=payload))

    def _pass_inside(self, outgoing: Outgoing, part: str, recipients: Sequence[Address]) -> None:
        if not recipients:
            return
        key = f"internal:{outgoing.key}:{part}{outgoing.repeat and f':{outgoing.repeat}'}"
        self.arrive(
            Inbound(
                key=key,
                point=Point.INCOMING,
                octets=outgoing.octets(),
                reverse_path=outgoing.reverse_path,
                forward_paths=tuple(recipients),
                received=to_the_second(self.instant),
                peer=self.office.provider.domain,
                tls=INTERNAL,
            ),
            identifier=outgoing.original.identifier,
            scanned=outgoing.scanned,
        )

    def arrive(self, inbound: Inbound, **known: str) -> None:
        """Hand a message to our own incoming point, with its job and with what we know of it already."""
        self.inbound.append(inbound)
        self.jobs.append(
            NewJob(
                key=f"arrival:{inbound.key}",
                kind=JobKind.ARRIVAL,
                due=self.instant,
                payload={"inbound": inbound.key, **{name: word for name, word in known.items() if word}},
            )
        )
