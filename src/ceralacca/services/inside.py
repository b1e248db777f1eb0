"""A letter of ours that stays with us: at our own incoming point in the very step that sealed it (MO-7, F2).

It need not be stored, claimed, read and judged once more to learn what was known when it was composed. It gets the
full treatment all the same: its arrival is logged, an envelope is taken in charge, a receipt moves the states it
is about, and each goes to its mailbox by a job of its own. What must hold is that our own incoming point would
believe our seal: the verifier is asked about a letter of ours, and when it does not say yes the letter takes the
long way, where it waits or becomes an anomaly like anybody's.

Clauses: F1 steps 3 to 9, F2; MO-5, MO-7, MO-14, IP-6 to IP-9, IP-14, IP-15, IP-19, IP-22, LO-2.
"""

from ceralacca.core.incoming_point import TO_SERVICE_MAILBOX, MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.log import LogEvent
from ceralacca.formats.splice import sha256_of
from ceralacca.ports.letters import Letter
from ceralacca.services import log_rows
from ceralacca.services.desk import INTERNAL, Desk
from ceralacca.services.follow_up import hear_and_log, whom_it_is_about
from ceralacca.services.own_seal import OwnSigner


def send_receipt(desk: Desk, letter: Letter, data: CertificationData, *, scanned: str) -> None:
    """Send a receipt or notice to whom it is for: heard and delivered at once where that is with us."""
    signer = _believed(desk, letter, data)
    if signer is None:
        desk.send_letter(letter, data.original, scanned=scanned)
        return
    log_arrival(desk, letter, data, MessageClass.RECEIPT, letter.forward_paths)
    desk.deliver_letter(letter, MessageClass.RECEIPT)

    def log(event: LogEvent, concerned: tuple[Address, ...], detail: str) -> None:
        _log(desk, event, letter, data, concerned, detail)

    hear_and_log(desk, data, signer.owns, log)
    for holder in letter.forward_paths:
        if holder == data.original.sender:  # LO-8: found again after it was delivered
            desk.shelve(data, holder, digest=sha256_of(letter.octets), message_id=letter.message_id)


def _believed(desk: Desk, letter: Letter, data: CertificationData) -> OwnSigner | None:
    """Return the signer of a receipt for us that may move states (IP-15); None when it is not for us, or might not."""
    office, paths = desk.office, letter.forward_paths
    to_service = office.service_mailbox in paths
    if len(desk.own(paths)) < len(paths) or to_service != (data.kind in TO_SERVICE_MAILBOX):  # IP-22
        return None
    signer = office.own_signer(letter)
    if signer is None or not all(map(signer.owns, [one.domain for one in whom_it_is_about(data)])):
        return None
    return signer


def log_arrival(
    desk: Desk, letter: Letter, data: CertificationData, kind: MessageClass, recipients: tuple[Address, ...]
) -> None:
    """Log that a letter of ours has come to our incoming point (LO-2)."""
    _log(desk, LogEvent.ARRIVAL, letter, data, recipients, str(kind))


def _log(
    desk: Desk,
    event: LogEvent,
    letter: Letter,
    data: CertificationData,
    concerned: tuple[Address, ...],
    detail: str,
) -> None:
    provider = desk.office.provider
    way = log_rows.Way(reverse_path=letter.reverse_path, forward_paths=concerned, peer=provider.domain, tls=INTERNAL)
    desk.rows.append(
        log_rows.arrived(
            event, desk.instant, way, data, message_id=letter.message_id, provider=provider.name, detail=detail
        )
    )
