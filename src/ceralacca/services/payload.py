"""What a job brings with it, read back: loads what its payload names, and says so plainly when it is not there.

A payload was written by our own commits; what is missing in it is a defect of ours or damage to the store.
"""

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.ports.letters import StoredInbound, StoredLetter
from ceralacca.ports.store import Job, SentMessage, Store


def word(job: Job, name: str) -> str:
    """Return a text of the payload; empty when it has none."""
    value = job.payload.get(name)
    return "" if value is None else str(value)


def address(job: Job, name: str = "recipient") -> Address:
    """Return an address of the payload. Raises OurError."""
    text = word(job, name)
    if not text:
        raise OurError(f"a {job.kind} job names no {name}")
    return Address(text)


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
