"""What messages are judged by on the command line: anchors, revocation lists, directory, instant.

Reads what the options name, once, and gives the one function that judges a seal. What is missing
stays missing: its steps are marked unknown, and nothing is ever valid for want of a check.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ceralacca.base.errors import PeerError, UserError
from ceralacca.base.instants import ROME
from ceralacca.core.directory import Directory
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.formats.directory_ldif import read_directory
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.material import TrustMaterial, read_material
from ceralacca.trust.opaque import open_opaque
from ceralacca.trust.verifier import JudgedAt, verify_seal

_LARGEST_DIRECTORY = 64 * 2**20
_GIVE_DIRECTORY = "give the LDIF or the .p7m of the providers directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How every message of one run is judged."""

    verify: VerifiesSeal
    missing: tuple[str, ...]
    """Keys of the sentences that say what was not given: `no_trust`, `no_crl`, `no_directory`, `unsealed_directory`."""


def prepare(*, trust: list[Path], crls: list[Path], directory: Path | None, at: str, present: datetime) -> Judgement:
    """Read what the options name.

    Raises UserError for what cannot be read, and for a directory whose seal does not hold.
    """
    material = trust_material(trust, crls)
    store = store_of(material) if material.anchors else None
    listed = _directory(directory, store, present) if directory else None
    judged_at = read_instant(at, present)
    lacking = {
        "no_trust": store is None,
        "no_crl": not material.crls,
        "no_directory": directory is None,
        "unsealed_directory": directory is not None and listed is None,
    }
    return Judgement(
        verify=partial(verify_seal, trust=store, directory=listed, at=judged_at),
        missing=tuple(key for key, is_lacking in lacking.items() if is_lacking),
    )


def trust_material(trust: list[Path], crls: list[Path]) -> TrustMaterial:
    """Read `--trust` and `--crl` apart. Raises UserError.

    A certificate that lies among revocation lists is trusted by nobody.
    """
    trusted, lists = read_material(trust), read_material(crls)
    if trust and not trusted.anchors:
        names = ", ".join(map(str, trust))
        raise UserError(f"--trust {names}: no authority's certificate inside", remedy="give the root certificate")
    if crls and not lists.crls:
        names = ", ".join(map(str, crls))
        raise UserError(f"--crl {names}: no revocation list inside", remedy="give X.509 CRLs, PEM or DER")
    return replace(trusted, crls=tuple(dict.fromkeys(trusted.crls + lists.crls)))


def store_of(material: TrustMaterial) -> TrustStore:
    """Return the trust store of what the options name. Raises UserError."""
    try:
        return TrustStore(anchors=material.anchors, intermediates=material.intermediates, crls=material.crls)
    except PeerError as error:
        raise UserError(f"--trust, --crl: {error}", remedy="give X.509 certificates and CRLs") from error


def read_instant(text: str, present: datetime) -> JudgedAt:
    """Read `--at`: `signing`, `now`, or an ISO 8601 date or instant; without a zone, legal time of Rome.

    Raises UserError for anything else.
    """
    if text == "signing":
        return JudgedAt.signing(present)
    if text == "now":
        return JudgedAt.now(present)
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            f"--at {text}: not an instant", remedy="give signing, now, or a time such as 2026-11-05T10:15:02+01:00"
        ) from error
    aware = given if given.tzinfo else given.replace(tzinfo=ROME)
    return JudgedAt.instant(aware.astimezone(UTC), present=present)


def _directory(path: Path, store: TrustStore | None, present: datetime) -> Directory | None:
    """Read the providers directory, plain LDIF or sealed; None when its seal could not be judged to the end.

    Plain LDIF is taken at the user's word. A seal that fails is an error; without any anchors the content
    is taken, since no verdict can then be better than indeterminate.
    """
    try:
        too_large = path.stat().st_size > _LARGEST_DIRECTORY
        data = b"" if too_large else path.read_bytes()
    except OSError as error:
        raise UserError(f"--directory {path}: {error.strerror}", remedy="check the name") from error
    if too_large or not data:
        what = "larger than any directory" if too_large else "the file is empty"
        raise UserError(f"--directory {path}: {what}", remedy=_GIVE_DIRECTORY)
    try:
        if is_ldif(data):
            return read_directory(data)
        opened = open_opaque(data, trust=store, at=JudgedAt.signing(present))
        directory = read_directory(opened.content)
    except PeerError as error:
        raise UserError(f"--directory {path}: {error}", remedy=_GIVE_DIRECTORY) from error
    if store is None or opened.report.good:
        return directory
    if opened.report.verdict is SealVerdict.INDETERMINATE:
        return None
    raise UserError(
        f"--directory {path}: the seal of the file does not hold ({opened.report.verdict}: {opened.report.reason})",
        remedy="fetch the file anew, and give the authority of its manager with --trust",
    )


def is_ldif(data: bytes) -> bool:
    """Tell plain LDIF from a CMS file: BER begins with the octet of a SEQUENCE, PEM and base64 hold no colon."""
    first_line = data.lstrip()[:200].split(b"\n")[0]
    return data[:1] != b"\x30" and (b":" in first_line or first_line.startswith(b"#"))
