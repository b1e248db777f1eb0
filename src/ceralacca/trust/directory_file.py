"""Directory files in their seal (`.p7m`): made with the provider's key, opened under the pinned manager's.

Whoever can pass off a directory decides who is a provider. So the signer must be the very
certificate that the operator has pinned, inside its period, and the digest must not be SHA-1:
providers write parts of what the manager signs, which is how collisions are put to use.

What is in the file: `formats.directory_ldif`. Whether it may replace the local copy:
`core.directory_refresh`. Clauses: DI-1, DI-2, DI-5, SE-5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ceralacca.core.directory import Directory
from ceralacca.core.model.reason import Reason
from ceralacca.formats.cms import MalformedCms
from ceralacca.formats.directory_ldif import write_directory
from ceralacca.ports.directory_source import UntrustedDirectoryFile, VerifiedContent
from ceralacca.ports.signer import Signer
from ceralacca.trust.cms_writer import sign_opaque
from ceralacca.trust.opaque import open_opaque
from ceralacca.trust.verifier import JudgedAt

MEDIA_TYPE = "application/pkcs7-mime; smime-type=signed-data"
"""Under which a `.p7m` is published (DI-2)."""

_REMEDY = "fetch it again; if the manager has a new certificate, pin that one after checking it by another way"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFileOpener:
    """Opens files of the pinned directory manager; is an `OpensDirectoryFile`."""

    pinned: tuple[bytes, ...]
    """DER of the manager's certificate; two during its renewal."""
    at: JudgedAt
    """For which instant the certificate's period is judged."""

    def __call__(self, p7m: bytes, /) -> VerifiedContent:
        """Return the sealed LDIF. Raises UntrustedDirectoryFile."""
        return open_directory_file(p7m, self.pinned, at=self.at)


def open_directory_file(p7m: bytes, pinned: Iterable[bytes], *, at: JudgedAt) -> VerifiedContent:
    """Take the LDIF out of a file whose seal holds under a pinned certificate (DI-5).

    Raises UntrustedDirectoryFile, whose reason is a code of `core.model.reason`; without a pinned
    certificate no file is trusted.
    """
    pins = tuple(pinned)
    if not pins:
        raise _untrusted("no certificate of the directory manager is pinned", Reason.NOT_PINNED)
    try:
        opened = open_opaque(p7m, trust=None, at=at, pinned=pins)
    except MalformedCms as fault:
        raise _untrusted(str(fault), Reason.MALFORMED_CMS) from fault
    report = opened.report
    if not report.good:
        raise _untrusted("the seal of the directory file is not good", report.reason or report.verdict)
    if report.digest_algorithm == "sha1":
        raise _untrusted("the directory file is sealed over a SHA-1 digest", Reason.WEAK_DIGEST)
    return VerifiedContent(ldif=opened.content, signing_time=report.signing_time)


def seal_directory_file(directory: Directory, signer: Signer, instant: datetime) -> bytes:
    """Return the `.p7m` of a whole directory, or of the records of one provider (DI-1, DI-2).

    DER, the content and the signer's certificate inside. Raises what the signer raises.
    """
    return sign_opaque(signer, write_directory(directory), instant)


def _untrusted(what: str, reason: str) -> UntrustedDirectoryFile:
    return UntrustedDirectoryFile(what, reason=str(reason), remedy=_REMEDY)
