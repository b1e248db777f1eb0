"""Ordinary mail passed on to an address outside PEC, where a mailbox wants it so (IP-20, `forward:<addr>`).

The message goes as it came: our Received and a Delivered-To of the mailbox in front, not an octet changed. It leaves
under the mailbox's own address, so that SPF judges our domain and what comes back comes to the mailbox; nothing of
ours is ever issued about it. What the other side refuses for good comes back into the mailbox, wrapped: it was
answered `250` by us.

Clauses: IP-20, MO-2, MO-13.
"""

from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import RecipientKind
from ceralacca.core.ordinary_mail import NotForwarded, Passing, why_not_forwarded
from ceralacca.formats.received import Received
from ceralacca.formats.splice import Octets, Splice
from ceralacca.ports.letters import Letter, StoredInbound
from ceralacca.ports.store import Job, JobKind, NewJob
from ceralacca.services import log_rows, payload
from ceralacca.services.desk import Desk

_LONGEST_NAME = 998


def hindrance(
    desk: Desk, inbound: StoredInbound, received: Received | None, mailbox: Address, target: Address
) -> NotForwarded | None:
    """Say why a message is wrapped instead of passed on; None when it may go."""
    fields = received.head.lines.index if received else None
    directory = desk.office.directory()
    return why_not_forwarded(
        Passing(
            mailbox=mailbox,
            target=target,
            reverse_path=inbound.reverse_path,
            hops=None if fields is None else len(fields.get("received", ())),
            delivered_to=[one.body.decode("ascii", "replace") for one in (fields or {}).get("delivered-to", ())],
            own_domains=desk.office.store.domains(),
            is_pec_domain=directory is not None and directory.is_pec(target.domain),
        )
    )


def pass_on(
    desk: Desk, inbound: StoredInbound, octets: Octets, *, mailbox: Address, target: Address, message_id: str
) -> None:
    """Keep the message with what it gets in front, log it, and leave the rest to the relay."""
    front = f"Delivered-To: {mailbox.text}\r\n".encode("ascii", "replace")
    letter = Letter(
        key=f"-/{inbound.key}/forward/{mailbox.key}",
        octets=Splice.of(front, inbound.trace, octets),
        reverse_path=mailbox,
        forward_paths=(target,),
        message_id=message_id[:_LONGEST_NAME],
        instant=desk.instant,
    )
    desk.letters.append(letter)
    row = log_rows.arrived(
        LogEvent.FORWARDED, desk.instant, inbound, None, about_whom=(mailbox,), message_id=letter.message_id,
        detail=f"to {target.text}",
    )  # fmt: skip
    desk.rows.append(row)
    desk.jobs.append(
        NewJob(
            key=f"relay:{letter.key.replace('#', '~')}:{target.domain}",  # the relay counts tries behind a #
            kind=JobKind.RELAY,
            due=desk.instant,
            payload={
                "letter": letter.key,
                "domain": target.domain,
                "kind": RecipientKind.EXTERNAL.value,
                "expires": (desk.instant + desk.office.patience.ordinary_mail).isoformat(),
                "inbound": inbound.key,
                "mailbox": mailbox.text,
            },
        )
    )


def taken_back(job: Job, instant: datetime) -> NewJob:
    """Return the job that wraps a message after all, for the mailbox from which it could not be passed on."""
    inbound, mailbox = payload.word(job, "inbound"), payload.word(job, "mailbox")
    return NewJob(
        key=f"arrival:{inbound}#kept:{mailbox.lower()}",
        kind=JobKind.ARRIVAL,
        due=instant,
        payload={"inbound": inbound, "kept": mailbox},
    )


def kept_for(job: Job) -> Address | None:
    """Return the mailbox for which an arrival is looked at once more, and not passed on; None for any other."""
    text = payload.word(job, "kept")
    return Address(text) if text else None
