"""Whether what arrived is clean: asked of the scanner, unless the same signatures have said so already.

A message that passes straight to our own incoming point was scanned when it was submitted, and what we
compose ourselves holds, beside our own words, nothing but such an original. Its job says under which edition of
the scanner that was (it is ours: no peer can write it), and while that edition is in use the verdict stands. With
the next edition, and for everything that came through SMTP, the scanner is asked.

Clauses: IP-17, IP-19, AP-17, VI-3.
"""

from contextlib import suppress

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Octets
from ceralacca.ports.scanner import ScanVerdict
from ceralacca.services import payload
from ceralacca.services.desk import Desk
from ceralacca.services.lockstep import give_way


def verdict_on(octets: Octets, desk: Desk, *, digest: str) -> ScanVerdict:
    """Return the verdict on what the job at the desk brought, known by a digest. Raises WorldError when there is none.

    The others of a batch begin their scans as well before this one's verdict is waited for.
    """
    scanner, scanned = desk.office.scanner, payload.word(desk.job, "scanned")
    if scanned and scanned == scanner.edition():
        return ScanVerdict(virus="", engine=scanned)
    verdict = scanner.begin(octets, digest=digest)
    give_way()
    return verdict()


def edition_of(desk: Desk) -> str:
    """Return the edition for a message of ours that holds nothing of an original; empty while the scanner is away."""
    with suppress(WorldError):
        return desk.office.scanner.edition()
    return ""
