"""Documents inside their signatures (`.p7m`, CAdES), opened for a reader, with what could be checked of each signature.

A signature on a document is not a provider's seal: there may be several signers, each signs as a person, and whom to
trust is another list. So each signer goes through the steps that any signature has (`trust.procedure`), and the answer
keeps apart what was checked: the octets, the path to an authority that the operator has named, the period. Whether a
certificate was revoked, or is a kind that the law calls by a name, is not looked at, and so is never said.

The signing time is the signer's own word. Time stamps inside are not read.

Clauses: none of PEC; RFC 5652, ETSI EN 319 122-1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from ceralacca.core.model.outcome import CertificateFacts, Mark, SealReport, SealStep
from ceralacca.core.model.reason import Reason
from ceralacca.formats.cms import MalformedCms, SignedData, read_signed_data
from ceralacca.formats.smime import MOST_OPAQUE_OCTETS
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.instant import JudgedAt
from ceralacca.trust.opaque import as_binary
from ceralacca.trust.procedure import Procedure

MOST_LAYERS: Final = 5
"""Of signatures around signatures."""


class SignatureState(StrEnum):
    """What the octets say."""

    HOLDS = "holds"
    """The document is what this certificate's key has signed."""
    ALTERED = "altered"
    """The document is not what was signed."""
    UNREADABLE = "unreadable"
    """The signature, its certificate or its algorithm cannot be read: nothing is known."""


class PathState(StrEnum):
    """Who vouches for the certificate."""

    LISTED = "listed"
    """An authority of the list that the operator has given."""
    NOT_LISTED = "not-listed"
    NO_LIST = "no-list"
    """No list was given: not checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSignature:
    """One signature with what was checked of it."""

    state: SignatureState
    path: PathState
    signer: CertificateFacts | None
    """None when its certificate is not inside."""
    signed: datetime | None
    """As the signer says."""
    in_period: bool | None
    """Whether the certificate was in its period when the signer says that it signed; None: it does not say when."""
    weak_digest: bool
    """SHA-1: not proof enough today."""
    layer: int
    """0 for the outermost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    """A document taken out of all its signatures."""

    content: bytes
    signatures: tuple[DocumentSignature, ...]
    """The outermost first; a layer without signers has none."""
    layers: int


def open_document(octets: bytes, *, trust: TrustStore | None, present: datetime) -> SignedDocument:
    """Take a document out of its signatures and check each of them.

    `trust` has the authorities that the operator has named; None: nobody is named. Raises MalformedCms when the file
    is no SignedData with its content inside.
    """
    if len(octets) > MOST_OPAQUE_OCTETS:
        raise MalformedCms("the file is larger than what is opened")
    content, found, layers = octets, list[DocumentSignature](), 0
    while layers < MOST_LAYERS:
        try:
            data, inside = _layer(content)
        except MalformedCms:
            if not layers:
                raise
            break
        found += _signatures(data, inside, trust, present, layers)
        content, layers = inside, layers + 1
    return SignedDocument(content=content, signatures=tuple(found), layers=layers)


def _layer(octets: bytes) -> tuple[SignedData, bytes]:
    data = read_signed_data(as_binary(octets))
    if data.content is None:
        raise MalformedCms("the signature does not hold the content that it signs")
    return data, data.content


def _signatures(
    data: SignedData, content: bytes, trust: TrustStore | None, present: datetime, layer: int
) -> Iterator[DocumentSignature]:
    for signer in data.signers:
        one = data._replace(signers=(signer,))
        procedure = Procedure(content=content, detached=False, data=one, at=JudgedAt.signing(present))
        procedure.shape(())
        procedure.seal(trust)
        yield _told(procedure.report(), trust, layer)


def _told(report: SealReport, trust: TrustStore | None, layer: int) -> DocumentSignature:
    steps = {step.step: step for step in report.steps}
    state = _state({step: steps[step].mark for step in (SealStep.SIGNER, SealStep.DIGEST, SealStep.SIGNATURE)})
    signer, signed = report.signer, report.signing_time
    listed = state is SignatureState.HOLDS and steps[SealStep.PATH].mark is Mark.PASSED
    path = PathState.NO_LIST if trust is None else PathState.LISTED if listed else PathState.NOT_LISTED
    in_period = None if signer is None or signed is None else signer.not_before <= signed <= signer.not_after
    return DocumentSignature(
        state=state,
        path=path,
        signer=signer,
        signed=signed,
        in_period=in_period,
        weak_digest=steps[SealStep.DIGEST].reason == Reason.DIGEST_SHA1,
        layer=layer,
    )


def _state(marks: dict[SealStep, Mark]) -> SignatureState:
    good = {Mark.PASSED, Mark.TOLERATED}
    if all(mark in good for mark in marks.values()):
        return SignatureState.HOLDS
    if marks[SealStep.SIGNER] in good and Mark.FAILED in {marks[SealStep.DIGEST], marks[SealStep.SIGNATURE]}:
        return SignatureState.ALTERED
    return SignatureState.UNREADABLE
