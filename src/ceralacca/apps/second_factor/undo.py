"""A factor that was just removed, so that a mistake can be undone: carried by the browser, encrypted by us.

The database keeps nothing of what was removed. What the browser carries brings it back for ten minutes, once, in the
session that removed it and into its own mailbox; to anybody else, and later, it is worth nothing.

Clauses: SE-3; threats.md 29.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import Factor, FactorsSet, Passkey, Totp
from ceralacca.trust.factor_key import FactorKey

GOOD_FOR: Final = timedelta(minutes=10)
_PURPOSE: Final = "removed factor"
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedFactor:
    """A factor that may be brought back."""

    kept: Totp | Passkey
    ends: datetime
    digest: str
    """Of what the browser carries: spent when it is brought back."""

    @property
    def factor(self) -> Factor:
        """What it is."""
        return Factor.TOTP if isinstance(self.kept, Totp) else Factor.PASSKEY

    @property
    def label(self) -> str:
        """What the holder calls it; empty for the app."""
        return self.kept.label if isinstance(self.kept, Passkey) else ""

    def may_return(self, there: FactorsSet) -> bool:
        """Say whether its place is free: no app has come meanwhile, and the passkey is not there."""
        if isinstance(self.kept, Totp):
            return there.totp is None
        return all(one.credential != self.kept.credential for one in there.passkeys)


def carried(key: FactorKey, removed: Totp | Passkey, session: str, *, now: datetime) -> str:
    """Return what the browser is to carry, for the session with that digest."""
    said = {"session": session, "ends": _written(now + GOOD_FOR), **_fields(removed)}
    return _letters(key.seal(json.dumps(said).encode(), removed.mailbox, _PURPOSE))


def brought(key: FactorKey, carried: str, mailbox: Address, session: str, *, now: datetime) -> RemovedFactor | None:
    """Return what a browser carries if it is ours, of this mailbox and session, and has not ended."""
    try:
        octets = _octets(carried[: _LONGEST + 1])
        said = json.loads(key.open(octets, mailbox, _PURPOSE))
    except (ValueError, WorldError):
        return None
    ends = _read(said["ends"])
    if said["session"] != session or ends is None or now >= ends:
        return None
    return RemovedFactor(kept=_made(said, mailbox), ends=ends, digest=sha256(octets).hexdigest())


def _fields(removed: Totp | Passkey) -> dict[str, Any]:
    dates = {"created": _written(removed.created), "used": _written(removed.used)}
    if isinstance(removed, Totp):
        return {"sealed": _letters(removed.sealed), "last_step": removed.last_step, **dates}
    return {
        "credential": removed.credential,
        "label": removed.label,
        "public_key": _letters(removed.public_key),
        "sign_count": removed.sign_count,
        "transports": removed.transports,
        **dates,
    }


def _made(said: dict[str, Any], mailbox: Address) -> Totp | Passkey:
    created, used = _read(said["created"]), _read(said["used"])
    assert created is not None, "every factor has been added once"
    if "sealed" in said:
        return Totp(
            mailbox=mailbox, sealed=_octets(said["sealed"]), last_step=said["last_step"], created=created, used=used
        )
    return Passkey(
        mailbox=mailbox,
        credential=said["credential"],
        label=said["label"],
        public_key=_octets(said["public_key"]),
        sign_count=said["sign_count"],
        transports=tuple(said["transports"]),
        created=created,
        used=used,
    )


def _letters(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode("ascii")


def _octets(letters: str) -> bytes:
    """Read them back. Raises ValueError."""
    return base64.b64decode(letters.encode("ascii"), altchars=b"-_", validate=True)


def _written(instant: datetime | None) -> str:
    return "" if instant is None else instant.astimezone(UTC).isoformat()


def _read(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
