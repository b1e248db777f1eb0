"""Certificate revocation lists from our own store, and which of them speak for a given instant.

A CRL address inside a certificate is chosen by a stranger: it is never followed here, and nothing is fetched. Whoever
refreshes the store (hourly, never past nextUpdate: IP-9) builds a new `TrustStore`.

For the present only a CRL that is current counts. For an instant in the past a later CRL counts as well: a
certificate that it does not list was not revoked before, provided that the certificate had not expired when the CRL
was issued, since authorities take expired certificates off their lists.

Clauses: IP-8, IP-9, CE-10, TO-21.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import crl, x509

from ceralacca.base.errors import PeerError
from ceralacca.formats.cms import ASN1_FAULTS

_CERTIFICATES_KEPT_AFTER_EXPIRY = "2.5.29.60"  # expiredCertsOnCRL


class MalformedCrl(PeerError):
    """The octets are not a CRL that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """One CRL of the store."""

    der: bytes
    issuer: str
    """The issuer's name in a form that compares as RFC 5280, 7.1 wants."""
    this_update: datetime
    next_update: datetime | None
    keeps_expired: bool
    """It goes on listing certificates after they have expired."""
    revoked: dict[int, datetime]
    """Serial number to instant of revocation; a hint for when an answer may change, not the answer."""

    def is_current(self, at: datetime) -> bool:
        """Tell whether the instant lies between thisUpdate and nextUpdate (IP-9)."""
        return self.this_update <= at and (self.next_update is None or at <= self.next_update)

    def speaks_for(self, at: datetime, first_expiry: datetime) -> bool:
        """Tell whether it says something about the instant, for certificates the first of which expires then."""
        if self.this_update <= at:
            return self.is_current(at)
        return self.keeps_expired or self.this_update <= first_expiry  # TO-21


def read_crl(der: bytes) -> Crl:
    """Read a DER CRL. Raises MalformedCrl."""
    try:
        parsed = crl.CertificateList.load(der, strict=True)
        listed = parsed["tbs_cert_list"]
        until = listed["next_update"].native
        return Crl(
            der=der,
            issuer=parsed.issuer.hashable,
            this_update=listed["this_update"].native.astimezone(UTC),
            next_update=None if until is None else until.astimezone(UTC),
            keeps_expired=_CERTIFICATES_KEPT_AFTER_EXPIRY in _extensions(listed),
            revoked={entry["user_certificate"].native: _revoked_at(entry) for entry in listed["revoked_certificates"]},
        )
    except ASN1_FAULTS:
        raise MalformedCrl("a CRL cannot be read") from None


def relevant(crls: Iterable[Crl], path: Iterable[x509.Certificate], at: datetime) -> list[Crl]:
    """Return the CRLs that may decide about the certificates of a path at an instant."""
    certificates = list(path)
    expiry = min((_not_after(one) for one in certificates), default=at)
    issuers = {one.issuer.hashable for one in certificates}
    elsewhere = any(_names_other_issuer(one) for one in certificates)
    return [one for one in crls if (elsewhere or one.issuer in issuers) and one.speaks_for(at, expiry)]


def turning_points(crls: Iterable[Crl], serials: frozenset[int]) -> Iterator[datetime]:
    """Give every instant at which what these CRLs say about these serial numbers may change."""
    for one in crls:
        yield one.this_update
        if one.next_update is not None:
            yield one.next_update
        for serial in serials & one.revoked.keys():
            yield one.revoked[serial]


def _extensions(listed: crl.TbsCertList) -> set[str]:
    return {extension["extn_id"].dotted for extension in listed["crl_extensions"]}


def _revoked_at(entry: crl.RevokedCertificate) -> datetime:
    at: datetime = entry["revocation_date"].native
    return at.astimezone(UTC)


def _not_after(certificate: x509.Certificate) -> datetime:
    instant: datetime = certificate["tbs_certificate"]["validity"]["not_after"].native
    return instant


def _names_other_issuer(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate's CRLs come from another authority than its issuer (indirect CRLs)."""
    return any(point["crl_issuer"].native for point in certificate.crl_distribution_points_value or ())
