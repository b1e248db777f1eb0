"""Is the seal of this message good, whose is it, and for which instant is that said?

One numbered procedure, in the norm's order; every step leaves an outcome with a mark and a reason code, and the verdict
is the first that failed. What could not be checked (no anchors, no CRL, no directory) makes the verdict indeterminate,
never valid. The form of what is inside is `lint.form`; where a refused message goes is `core.incoming_point`.

The seal covers the signed entity only. Of the outer header one field is looked at, From, and only to be held against
the certificate (GE-8, TO-20).

Clauses: IP-6 to IP-9, IP-14, GE-3, DI-8, CE-3, CE-8, CE-10, TO-1 to TO-4, TO-20, TO-21.
"""

from collections.abc import Mapping
from typing import Final

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.outcome import Mark, SealReport, SealStep
from ceralacca.core.model.reason import Reason
from ceralacca.formats.cms import MalformedCms
from ceralacca.formats.cms_alike import read_seal
from ceralacca.formats.kept import kept
from ceralacca.formats.mime.addresses import AddressList, read_addresses
from ceralacca.formats.smime import MalformedSignature, NotSigned, SealForm, SignedMessage, split_signed
from ceralacca.formats.splice import Octets
from ceralacca.trust.certificate import Certificate
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.instant import InstantRule, JudgedAt
from ceralacca.trust.procedure import Procedure, unsealed

__all__ = ["InstantRule", "JudgedAt", "verify_seal"]


def verify_seal(
    message: Octets | SignedMessage,
    *,
    trust: TrustStore | None,
    directory: Directory | None,
    at: JudgedAt,
    sender_domain: str | None = None,
) -> SealReport:
    """Check the seal of one message; never raises for what the message holds.

    Args:
        message: the octets, or the message already taken apart by `split_signed`.
        trust: None when no anchors are configured; path and revocation are then unknown.
        directory: None when there is no copy; whether the signer is a provider is then unknown.
        at: for which instant the certificate is judged.
        sender_domain: domain of `mittente` in the certification data of an envelope (IP-14); None when there is none.
    """
    try:
        parts = message if isinstance(message, SignedMessage) else split_signed(message)
    except (NotSigned, MalformedSignature) as fault:
        return unsealed(at, fault.reason, str(fault))
    try:
        data = read_seal(parts.cms)
    except MalformedCms as fault:
        return unsealed(at, Reason.MALFORMED_CMS, str(fault))
    detached = parts.form is SealForm.DETACHED
    content = parts.entity if detached else data.content
    if content is None:
        return unsealed(at, Reason.NO_CONTENT, "the CMS holds neither content nor anything beside it")
    procedure = Procedure(content=content, detached=detached, data=data, at=at)

    #  1. Shape: one signed entity, one SignedData over id-data, nothing else (IP-6).
    procedure.shape(parts.tolerated)
    #  2. Signer: exactly one, found through SignerInfo, its certificate inside (IP-7, GE-2).
    #  3. Digest: of the exact octets, or of their CRLF form (IP-8, GE-5, TO-4).
    #  4. Signature: over the signed attributes, under the signer's key (IP-8).
    #  5. Key: strong enough, and for signing mail (CE-3, CE-8).
    #  6. Path: to a configured anchor, name constraints included (IP-8, CE-9).
    #  7. Revocation: the CRL of every issuer on the path, from our own store (IP-8, IP-9, CE-10).
    #  8. Validity: the certificate's period at the instant of judgement (IP-8, TO-21).
    owners: tuple[ProviderRecord, ...] = ()
    certificate = procedure.seal(trust)
    if certificate is not None:
        #  9. Address: From is an rfc822Name of the signer (GE-3, IP-12).
        procedure.put(SealStep.ADDRESS, *_address(parts, certificate))
        # 10. Directory: hash and octets of the certificate (IP-7, DI-8).
        owners = _owners(directory, certificate)
        procedure.put(SealStep.DIRECTORY, *_listed(directory, owners, certificate))
        # 11. Sender's domain: managed by the provider that sealed (IP-14).
        procedure.put(SealStep.SENDER_DOMAIN, *_manages(directory, owners, sender_domain))
    return procedure.report(owners[0].name if owners else "")


_Found = tuple[Reason | None, Mark, Mapping[str, str]]
_FINE: Final[_Found] = (None, Mark.PASSED, {})


def _address(parts: SignedMessage, certificate: Certificate) -> _Found:
    """Step 9: hold From against the certificate; the spelling of case does not matter (AM-14)."""
    fields = parts.head.all("From")
    names = certificate.facts.addresses
    found = _from(fields[0].body) if fields else None
    if not names or found is None or not found.mailboxes:
        return Reason.NO_ADDRESS, Mark.FAILED, {"certificate": ", ".join(names)}
    first = found.mailboxes[0].address
    if len(fields) == len(found.mailboxes) == 1 and not found.rejected and first.key in map(str.lower, names):
        return _FINE
    evidence = {"from": ", ".join(box.address.text for box in found.mailboxes), "certificate": ", ".join(names)}
    if len(fields) > 1 or len(found.mailboxes) > 1 or found.rejected:
        return Reason.SEVERAL_ADDRESSES, Mark.FAILED, evidence
    return Reason.ADDRESS_MISMATCH, Mark.FAILED, evidence


@kept(entries=256, most_octets=1024)
def _from(body: bytes) -> AddressList:
    """Read From; kept, since the receipts of a provider all come from one address."""
    return read_addresses(body)


def _owners(directory: Directory | None, certificate: Certificate) -> tuple[ProviderRecord, ...]:
    """Return the records that list the certificate by hash and octets (DI-8)."""
    if directory is None:
        return ()
    listed = directory.records_of_certificate(certificate.facts.sha1)
    return tuple(record for record in listed if certificate.der in record.certificates)


def _listed(directory: Directory | None, owners: tuple[ProviderRecord, ...], certificate: Certificate) -> _Found:
    """Step 10: the certificate stands in the directory, hash and octets (DI-8)."""
    if owners:
        return _FINE
    if directory is None:
        return Reason.NO_DIRECTORY, Mark.UNKNOWN, {}
    listed = directory.records_of_certificate(certificate.facts.sha1)
    reason = Reason.DIRECTORY_CERTIFICATE_DIFFERS if listed else Reason.NOT_IN_DIRECTORY
    return reason, Mark.FAILED, {"sha1": certificate.facts.sha1}


def _manages(directory: Directory | None, owners: tuple[ProviderRecord, ...], domain: str | None) -> _Found:
    """Step 11: the provider that sealed manages the sender's domain (IP-14)."""
    if domain is None:
        return Reason.NO_SENDER_DOMAIN, Mark.NOT_REACHED, {}
    if directory is None:
        return Reason.NO_DIRECTORY, Mark.UNKNOWN, {"domain": domain}
    if not owners:  # step 10 has said so
        return None, Mark.NOT_REACHED, {}
    if any(record in owners for record in directory.records_of_domain(domain)):
        return _FINE
    return Reason.WRONG_PROVIDER, Mark.FAILED, {"domain": domain}
