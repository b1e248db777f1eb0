"""Opens the seals and time stamps of a log for whoever verifies it: digest, signature, certificate, and no more (LO-6).

Without anchors a seal can hold and is yet not judged. The certificates that a seal or stamp brings along are looked at
as well: each must be signed by another of them, or by an anchor, so that nothing in them can be changed unseen.

Clauses: LO-4, LO-5, LO-6.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from ceralacca.base.errors import PecError
from ceralacca.core.model.outcome import SealReport, SealVerdict
from ceralacca.formats import ber
from ceralacca.formats.ber import MalformedBer
from ceralacca.formats.cms import MalformedCms, SignedData, read_around, read_signed_data
from ceralacca.ports.log_proof import OpenedFile, OpenedRecord, SealFinding, StampFinding
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.instant import JudgedAt
from ceralacca.trust.procedure import Procedure
from ceralacca.trust.time_stamp import UntrustedTimeStamp, token_of, verify_token

_CONTENT: Final = b'{"file":'
_NULL: Final = b"\x05\x00"
_GRANTED: Final = bytes.fromhex("3003020100")
_SEAL_VERSION, _TOKEN_VERSION = b"\x01", b"\x03"
"""Of SignedData over plain content, and over anything else (RFC 5652, 5.1)."""
_BY_ISSUER, _BY_KEY = b"\x01", b"\x03"
"""Of a SignerInfo, by how it names the certificate (RFC 5652, 5.3)."""


class LogOpener:
    """Opens what belongs to one verification; satisfies `ports.log_proof.OpensLog`."""

    def __init__(self, *, trust: TrustStore | None, anchors: Iterable[bytes], present: datetime) -> None:
        """`anchors` are the DER of what `trust` stands on, anchors and intermediates."""
        self._trust = trust
        self._anchors = tuple(anchors)
        self._present = present

    def record(self, p7m: bytes, /) -> OpenedRecord | None:
        """Open the seal of a head; None when it is no CMS."""
        try:
            data, start, end = read_around(p7m)
        except MalformedCms:
            return None
        record = p7m[start:end]
        return OpenedRecord(record=record, seal=self._finding(p7m, data, record))

    def file(self, octets: bytes, /) -> OpenedFile:
        """Look at a whole file."""
        try:
            data, start, end = read_around(octets)
        except MalformedCms as fault:
            at = max(octets.find(_CONTENT), 0)
            return OpenedFile(start=at, end=_readable_end(octets, at), seal=None, fault=str(fault))
        view = memoryview(octets)[start:end]
        try:
            finding = self._finding(octets, data, view)
        finally:
            view.release()
        return OpenedFile(start=start, end=end, seal=finding)

    def stamp(self, reply: bytes, digest: bytes, /) -> StampFinding:
        """Judge the stamp over a SHA-256."""
        try:
            token = token_of(reply)
            stamp = verify_token(token, digest, trust=self._trust, present=self._present)
            if _GRANTED not in reply[:16]:
                return StampFinding(holds=False, judged=False, reason="status")
            fault = self._token_fault(token)
        except UntrustedTimeStamp as error:
            unknown = self._trust is not None and error.reason in {"no-crl", "crl-stale", "no-anchors"}
            return StampFinding(holds=unknown, judged=False, reason=error.reason)
        except (PecError, MalformedBer) as error:
            return StampFinding(holds=False, judged=False, reason=type(error).__name__)
        if fault:
            return StampFinding(holds=False, judged=False, reason=fault)
        return StampFinding(holds=True, judged=self._trust is not None, instant=stamp.instant)

    # -- inside -------------------------------------------------------------------------------------

    def _finding(self, octets: bytes, data: SignedData, content: bytes | memoryview) -> SealFinding:
        procedure = Procedure(content=content, detached=True, data=data, at=JudgedAt.signing(self._present))
        procedure.shape(())
        procedure.seal(self._trust)
        report = procedure.report()
        holds = report.good or report.verdict is SealVerdict.INDETERMINATE
        fault = self._frame_fault(octets, data) if holds else ""
        signer = report.signer
        return SealFinding(
            holds=holds and not fault,
            judged=report.good and not fault,
            reason=fault or _reason(report),
            signer=signer.sha256 if signer else "",
            name=signer.subject if signer else "",
            instant=report.signing_time,
        )

    def _frame_fault(self, octets: bytes, data: SignedData) -> str:
        """Look at what no signature covers: it must be as it always is."""
        signers = data.signers
        if len(signers) != 1 or not _is_outline(octets, data, _SEAL_VERSION):
            return "outline"
        if signers[0].digest != "sha256" or signers[0].scheme.family != "rsa":
            return "algorithms"
        return "" if _vouched(data.certificates, self._anchors) else "certificates"

    def _token_fault(self, token: bytes) -> str:
        data = read_signed_data(token)
        if not _is_outline(token, data, _TOKEN_VERSION):
            return "outline"
        return "" if _vouched(data.certificates, self._anchors) else "certificates"


def _is_outline(octets: bytes, data: SignedData, version: bytes) -> bool:
    """Look at versions and list of digests, which no signature covers: there is one right way to write them."""
    try:
        return _has_outline(octets, data, version)
    except (MalformedBer, StopIteration, IndexError):
        return False


def _has_outline(octets: bytes, data: SignedData, version: bytes) -> bool:
    info = ber.expect(octets, 0, len(octets), ber.SEQUENCE)
    kind = ber.read(octets, info.body, info.end)
    content = ber.read(octets, ber.read(octets, kind.after, info.end).body, info.end)
    parts = list(ber.children(octets, content))
    digests = [octets[one.start : one.after] for one in ber.children(octets, parts[1])]
    signer = next(ber.children(octets, parts[-1]))
    signed_by = ber.read(octets, signer.body, signer.end)
    (only,) = data.signers
    return (
        octets[parts[0].body : parts[0].end] == version
        and len(digests) == 1
        and _without_null(digests[0]) == _without_null(only.algorithms[0])
        and (not only.issuer or any(only.issuer in der for der in data.certificates))  # names match in any case
        and octets[signed_by.body : signed_by.end] == (_BY_KEY if only.key_identifier else _BY_ISSUER)
    )


def _without_null(algorithm: bytes) -> bytes:
    """Return an AlgorithmIdentifier without the NULL that some write as its parameters and some leave out."""
    if not algorithm.endswith(_NULL):
        return algorithm
    return bytes((algorithm[0], algorithm[1] - len(_NULL))) + algorithm[2 : -len(_NULL)]


@lru_cache(maxsize=64)
def _vouched(certificates: tuple[bytes, ...], anchors: tuple[bytes, ...]) -> bool:
    """Tell whether each certificate is signed by another one, or by an anchor; one at the top may stand alone."""
    try:
        if not all(map(_is_signed_in_octets, certificates)):
            return False
        brought = [x509.load_der_x509_certificate(der) for der in certificates]
        known = [x509.load_der_x509_certificate(der) for der in anchors]
    except (MalformedBer, ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return False
    alone = [one for one in brought if not any(_issued(one, above) for above in (*brought, *known))]
    return len(alone) <= (0 if known else 1)


def _is_signed_in_octets(certificate: bytes) -> bool:
    """Tell whether a signature has no unused bits: how many it has is covered by nothing, and asked by nobody else."""
    *_, signature = ber.children(certificate, ber.expect(certificate, 0, len(certificate), ber.SEQUENCE))
    return certificate[signature.body : signature.body + 1] == b"\0"


def _issued(one: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _reason(report: SealReport) -> str:
    return "" if report.good else report.reason or report.verdict.value


def _readable_end(octets: bytes, start: int) -> int:
    """Return where the content of a damaged file seems to end: after its last whole line of ours."""
    end = octets.rfind(b'"}\n')
    return end + 3 if end >= start else len(octets)
