"""What a job brings with it, read back: loads what its payload names, and says so plainly when it is not there.

A payload was written by our own commits; what is missing in it is a defect of ours or damage to the store.
"""

import json
from functools import lru_cache

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData, Recipient
from ceralacca.core.model.notification import RecipientKind
from ceralacca.ports.letters import StoredInbound, StoredLetter
from ceralacca.ports.store import Job, NewJob, SentMessage, Store


def word(job: Job | NewJob, name: str) -> str:
    """Return a text of the payload; empty when it has none."""
    words = job.payload
    if name not in words:  # without a call: a transaction asks dozens of times
        return ""
    value = words[name]
    return "" if value is None else str(value)


def address(job: Job | NewJob, name: str = "recipient") -> Address:
    """Return an address of the payload. Raises OurError."""
    text = word(job, name)
    if not text:
        raise OurError(f"a {job.kind} job names no {name}")
    return _address(text)


@lru_cache(maxsize=256)
def _address(text: str) -> Address:
    return Address(text)  # the jobs of a batch name the same few again and again


def inbound(job: Job, store: Store) -> StoredInbound:
    """Return the received message that a job is about. Raises OurError when the store has none."""
    found = store.inbound(word(job, "inbound"))
    if found is None:
        raise OurError(f"the received message of a {job.kind} job is not in the store")
    return found


def letter(job: Job, store: Store) -> StoredLetter:
    """Return the letter that a job is about. Raises OurError when the store has none."""
    found = store.letter(word(job, "letter"))
    if found is None:
        raise OurError(f"the letter of a {job.kind} job is not in the store")
    return found


def sent(job: Job, store: Store) -> SentMessage:
    """Return the accepted message that a job is about. Raises OurError when the store has none."""
    found = store.sent(word(job, "identifier"))
    if found is None:
        raise OurError(f"the message of a {job.kind} job is not in the store")
    return found


def written(original: OriginalData) -> str:
    """Write what a job is about, so that whoever does it can log it without reading the message again (LO-1)."""
    words = {
        "sender": original.sender.text,
        "recipients": [[one.address.text, one.kind.value] for one in original.recipients],
        "reply_to": original.reply_to,
        "subject": original.subject,
        "identifier": original.identifier,
        "client_message_id": original.client_message_id,
    }
    return json.dumps(words, separators=(",", ":"))


def original(job: Job) -> OriginalData | None:
    """Read back what a job is about; None when its payload does not say."""
    about = word(job, "about")
    if not about:
        return None
    words = json.loads(about)
    return OriginalData(
        sender=Address(words["sender"]),
        recipients=tuple(
            Recipient(address=Address(text), kind=RecipientKind(kind)) for text, kind in words["recipients"]
        ),
        reply_to=words["reply_to"],
        subject=words["subject"],
        identifier=words["identifier"],
        client_message_id=words["client_message_id"],
    )
