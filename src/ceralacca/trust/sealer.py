"""The sealer: turns a draft that lint has passed into a sealed message (GE-1 to GE-8).

It signs nothing else: its only argument is a `Sealable`. Before the key is used it makes sure that
the seal would be ours to put: the provider address is in the certificate and is the one that the
message shows (GE-3), the certificate is in force. One clock reading serves signingTime and `Date`,
which lint has compared with the draft's instant (GE-23). The key may be a file or a token (`ports.signer`, GE-7).

The seal covers the entity only; the outer header around it is not protected by it (GE-8), and no
receiver may decide anything from it.
"""

import re
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, TypeVar

from cryptography import x509

from ceralacca.base.errors import OurError, UserError
from ceralacca.base.identifiers import Entropy, new_boundary
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.formats.smime_writer import frame
from ceralacca.formats.splice import Splice
from ceralacca.lint.sealable import Sealable
from ceralacca.ports.signer import Signer
from ceralacca.trust.cms_writer import SealTemplate

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_FROM = b"\r\nfrom:"
_NEXT_FIELD = re.compile(rb"\r\n(?![ \t])")


class SealedMessage(NamedTuple):
    """A message ready to be stored and sent, exactly as it will be forever."""

    row: MessageRow
    octets: Splice
    message_id: str
    """With angle brackets."""
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    instant: datetime
    """`Date` and signingTime."""


class Sealer:
    """Seals the messages of one provider address with one key. Safe to use from several threads.

    Raises UserError when the certificate does not name the address (GE-3), is not for signatures
    (CE-3) or is for a key that may not seal.
    """

    def __init__(self, signer: Signer, address: Address, entropy: Entropy) -> None:
        certificate = x509.load_der_x509_certificate(signer.certificate)
        self._template = SealTemplate(signer)
        self._address = address
        self._entropy = entropy
        self._not_before = certificate.not_valid_before_utc
        self._not_after = certificate.not_valid_after_utc
        _check_profile(certificate, address)

    @property
    def address(self) -> Address:
        """The provider address whose messages are sealed here."""
        return self._address

    def seal(self, sealable: Sealable) -> SealedMessage:
        """Seal what lint has passed.

        The entity is digested piece by piece and goes into the result uncopied. Raises OurError
        when the draft is not from this provider, UserError when the certificate is not in force at
        the draft's instant, WorldError when the key cannot be used.
        """
        draft = sealable.draft
        self._check(draft)
        digest = sha256()
        draft.entity.feed(digest)  # GE-5: the very octets between the boundaries
        cms = self._template.seal(digest.digest(), draft.instant)
        return SealedMessage(
            row=draft.row,
            octets=frame(draft.header, draft.entity, cms, boundary=new_boundary(self._entropy)),
            message_id=draft.message_id,
            reverse_path=draft.reverse_path,
            forward_paths=draft.forward_paths,
            instant=draft.instant,
        )

    def _check(self, draft: Draft) -> None:
        if not self._not_before <= draft.instant <= self._not_after:
            raise UserError(
                f"the signer's certificate is not in force at {draft.instant:%Y-%m-%d %H:%M:%S %Z}",
                remedy="check the clock, then renew the certificate",
            )
        if not _shows(_from(bytes(draft.header)), self._address):  # GE-3
            raise OurError(f"the From of a {draft.row.name} draft is not the provider address of its sealer")


def _check_profile(certificate: x509.Certificate, address: Address) -> None:
    names = _extension(certificate, x509.SubjectAlternativeName)
    held = {name.lower() for name in names.get_values_for_type(x509.RFC822Name)} if names else set()
    if address.key not in held:
        raise UserError(
            f"the signer's certificate does not name the provider address {address}",
            remedy=f"set the provider address to one of: {', '.join(sorted(held)) or 'none in the certificate'}",
        )
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.digital_signature:  # CE-3
        raise UserError(
            "the signer's certificate does not allow digital signatures",
            remedy="use a certificate whose keyUsage has digitalSignature",
        )


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _from(header: bytes) -> str:
    """Return the body of the one From field, unfolded and in lower case; empty when there is none or more than one."""
    _, found, rest = (b"\r\n" + header.lower()).partition(_FROM)
    if not found or _FROM in rest:
        return ""
    body, _, after = rest.partition(b"\r\n")
    if after[:1] in (b" ", b"\t"):
        body = _NEXT_FIELD.split(rest, maxsplit=1)[0].replace(b"\r\n", b"")
    return body.strip().decode("latin-1")


def _shows(body: str, address: Address) -> bool:
    """Say whether a From body is the bare address or ends with it in angle brackets (GE-21, 4.4)."""
    bare = body.rpartition("<")[2].removesuffix(">") if body.endswith(">") else body
    return bare.lower() == address.key
