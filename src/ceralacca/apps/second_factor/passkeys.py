"""Passkeys: what browsers are asked, and whether what they answer holds (WebAuthn level 2, by the library `webauthn`).

As second factor a passkey shows that its device is there; as whole sign-in, and to confirm, it must also have verified
its user (PIN, finger, face). We ask for no attestation: which maker it has is nobody's business here.

Clauses: SE-3.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import LONGEST_LABEL, Passkey

LONGEST_ANSWER: Final = 65_536
"""Characters of what a browser gives."""
_LONGEST_ID: Final = 1400  # base64url of the 1023 octets that WebAuthn allows
_TIME: Final = 300_000  # milliseconds that the browser waits for its holder
_TRANSPORTS: Final = frozenset(one.value for one in AuthenticatorTransport)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are made for: our pages at their one address."""

    origin: str
    """Such as `https://pec.alfa.example`, with the port where it is another than 443."""
    name: str

    @property
    def host(self) -> str:
        """The host of the pages: what passkeys are bound to."""
        return urlsplit(self.origin).hostname or ""

    @property
    def place(self) -> str:
        """Host and port as browsers name them."""
        return urlsplit(self.origin).netloc


class Refused(Exception):
    """The answer does not hold. The reason is for the diagnostics and names nobody."""


def options_to_add(
    party: RelyingParty, mailbox: Address, *, handle: bytes, challenge: bytes, there: Collection[Passkey]
) -> str:
    """Return what `navigator.credentials.create` is asked, as JSON."""
    return options_to_json(
        webauthn.generate_registration_options(
            rp_id=party.host,
            rp_name=party.name,
            user_name=mailbox.text,
            user_id=handle,
            challenge=challenge,
            timeout=_TIME,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[_descriptor(one) for one in there],
        )
    )


def options_to_show(
    party: RelyingParty, *, challenge: bytes, passkeys: Collection[Passkey] = (), verified: bool = True
) -> str:
    """Return what `navigator.credentials.get` is asked, as JSON; without passkeys the browser offers what it has."""
    wanted = UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.DISCOURAGED
    return options_to_json(
        webauthn.generate_authentication_options(
            rp_id=party.host,
            challenge=challenge,
            timeout=_TIME,
            allow_credentials=[_descriptor(one) for one in passkeys],
            user_verification=wanted,
        )
    )


def challenge_of(answer: str) -> bytes:
    """Return the challenge that an answer says it is for. Raises Refused."""
    try:
        data = json.loads(base64url_to_bytes(_read(answer)["response"]["clientDataJSON"]))
        return base64url_to_bytes(data["challenge"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise Refused("no challenge in the answer") from None


def credential_of(answer: str) -> str:
    """Return the id of the passkey that answers. Raises Refused."""
    name = _read(answer).get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID or not name.isascii():
        raise Refused("no id in the answer")
    return name


def handle_of_answer(answer: str) -> bytes | None:
    """Return whom the passkey says that it was made for; None when it does not say. Raises Refused."""
    response = _read(answer).get("response")
    given = response.get("userHandle") if isinstance(response, dict) else None
    try:
        return base64url_to_bytes(given) if given else None
    except (TypeError, ValueError, AttributeError):
        raise Refused("the handle cannot be read") from None


def added_passkey(
    party: RelyingParty, answer: str, *, challenge: bytes, mailbox: Address, label: str, now: datetime
) -> Passkey:
    """Judge the answer to `options_to_add` and return the passkey. Raises Refused."""
    try:
        made = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
        )
        response = _read(answer)["response"]
    except Refused:
        raise
    except Exception as error:  # whatever a hostile answer does to the library
        raise Refused(type(error).__name__) from error
    told = response.get("transports") if isinstance(response, dict) else None
    return Passkey(
        mailbox=mailbox,
        credential=bytes_to_base64url(made.credential_id),
        label=label.strip()[:LONGEST_LABEL],
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=tuple(one for one in told if one in _TRANSPORTS) if isinstance(told, list) else (),
        created=now,
    )


def new_count(party: RelyingParty, answer: str, passkey: Passkey, *, challenge: bytes, verified: bool) -> int:
    """Judge the answer to `options_to_show` by a passkey; return the count that it tells now. Raises Refused."""
    try:
        shown = webauthn.verify_authentication_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=verified,
        )
    except Refused:
        raise
    except Exception as error:  # whatever a hostile answer does to the library
        raise Refused(type(error).__name__) from error
    return shown.new_sign_count


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise Refused("too long")
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        raise Refused("no JSON") from None
    if not isinstance(found, dict):
        raise Refused("no object")
    return found


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(passkey.credential),
        transports=[AuthenticatorTransport(one) for one in passkey.transports if one in _TRANSPORTS] or None,
    )
