"""A sealing key in a PKCS#11 token: the key never leaves the device (SE-4, GE-7).

One object owns one session. Calls into one PKCS#11 library are made one at a time, because the
binding starts the library without asking it for locks. A login belongs to the process and not to
the session: a second login is refused (and needless), and closing the session that logged in takes
the login away from all others. So a session that is lost, for whatever reason, is opened again,
once, and the signature is tried again; what then still fails is the world's fault.

A PIN that the token refuses is never tried again by the same object: tokens lock after a few.

Needs the extra `hsm` (python-pkcs11); without it `TokenKey` says so.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ceralacca.base.errors import PecError, UserError, WorldError
from ceralacca.trust.key_files import read_secret_line
from ceralacca.trust.sealing_key import sealing_key

_LOST = frozenset({
    "DeviceRemoved",
    "KeyHandleInvalid",
    "ObjectHandleInvalid",
    "OperationActive",
    "SessionClosed",
    "SessionHandleInvalid",
    "TokenNotPresent",
    "UserNotLoggedIn",
})  # fmt: skip
"""Errors after which a fresh session may do."""

_PIN = frozenset({"PinExpired", "PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "UserPinNotInitialized"})
_locks: dict[str, threading.RLock] = {}
_locks_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReference:
    """Where a key is: everything but the PIN, which stays in its file."""

    library: Path
    """The vendor's PKCS#11 shared library."""
    token: str
    """Label of the token."""
    pin_file: Path
    """File whose first line is the user PIN; read at each login, by its owner only."""
    key_label: str | None = None
    key_id: bytes | None = None
    """Label, id or both find the private key; it must be the only one."""

    def __str__(self) -> str:
        key = self.key_label if self.key_label is not None else (self.key_id or b"").hex()
        return f"key {key!r} in token {self.token!r}"


class TokenKey:
    """A key in a token; satisfies `ports.signer.Signer`. Safe to use from several threads.

    The session is opened at once. Raises UserError when label, PIN file or certificate do not fit,
    WorldError when the token is not there.
    """

    def __init__(
        self,
        reference: TokenReference,
        certificate: bytes,
        intermediates: tuple[bytes, ...] = (),
    ) -> None:
        self._pkcs11 = _binding()
        self._reference = reference
        self._certificate = certificate
        self._intermediates = intermediates
        self._modulus = sealing_key(certificate).public_numbers().n
        self._lock = _lock_of(reference.library)
        self._session: Any = None
        self._key: Any = None
        self._refused: UserError | None = None
        with self._lock, self._mapped_errors():
            self._open()

    @property
    def certificate(self) -> bytes:
        """DER of the signer's certificate."""
        return self._certificate

    @property
    def intermediates(self) -> tuple[bytes, ...]:
        """DER of the certificates above it, its issuer first."""
        return self._intermediates

    @property
    def checks_itself(self) -> bool:
        """No: what a token does, and what comes through its library, is not known."""
        return False

    def sign(self, octets: bytes) -> bytes:
        """Return the PKCS#1 v1.5 signature with SHA-256 over the octets, made in the token.

        Opens the session again when it was lost. Raises WorldError when the token is away or fails.
        """
        with self._lock, self._mapped_errors():
            if self._key is None:
                self._open()
            try:
                return self._sign(octets)
            except self._pkcs11.PKCS11Error as error:
                if type(error).__name__ not in _LOST:
                    raise
                self._forget()
                self._open()
                return self._sign(octets)

    def close(self) -> None:
        """Log out and close the session; a later `sign` opens it again."""
        with self._lock:
            self._forget()

    def _sign(self, octets: bytes) -> bytes:
        return bytes(self._key.sign(octets, mechanism=self._pkcs11.Mechanism.SHA256_RSA_PKCS))

    def _open(self) -> None:
        if self._refused is not None:
            raise self._refused
        library = self._pkcs11.lib(str(self._reference.library))
        token = library.get_token(token_label=self._reference.token)
        self._session = self._session_of(token)
        try:
            self._key = self._find_key()
        except BaseException:
            self._forget()
            raise

    def _session_of(self, token: Any) -> Any:
        pin = read_secret_line(self._reference.pin_file).decode("utf-8", "surrogateescape")
        try:
            return token.open(user_pin=pin)
        except self._pkcs11.UserAlreadyLoggedIn:
            return token.open()  # the login of the process serves this session too

    def _find_key(self) -> Any:
        attribute = self._pkcs11.Attribute
        wanted = {
            attribute.CLASS: self._pkcs11.ObjectClass.PRIVATE_KEY,
            attribute.LABEL: self._reference.key_label,
            attribute.ID: self._reference.key_id,
        }
        search = self._session.get_objects({name: value for name, value in wanted.items() if value is not None})
        found = list(search)  # to its end: a search left open outlives its session
        if len(found) != 1:
            raise UserError(
                f"{len(found) or 'no'} private keys answer to the {self._reference}; one must",
                remedy="list the objects of the token and set label and id to those of one private key",
            )
        if int.from_bytes(found[0][attribute.MODULUS], "big") != self._modulus:
            raise UserError(
                f"the {self._reference} does not belong to the certificate",
                remedy="give the certificate that was issued for this key",
            )
        return found[0]

    def _forget(self) -> None:
        """Drop the session; that closing it may fail does not matter, it was lost or is given up."""
        session, self._session, self._key = self._session, None, None
        if session is not None:
            try:
                session.close()
            except self._pkcs11.PKCS11Error:
                return

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """Say whose fault it is in our own words; a refused PIN is remembered."""
        try:
            yield
        except PecError:
            raise
        except self._pkcs11.PKCS11Error as error:
            self._forget()
            name = type(error).__name__
            if name in _PIN:
                self._refused = UserError(
                    f"the token refused the PIN for the {self._reference} ({name})",
                    remedy=f"correct {self._reference.pin_file} and start again: the PIN is not tried twice",
                )
                raise self._refused from error
            if name == "MultipleTokensReturned":
                raise UserError(
                    f"more than one token is named {self._reference.token!r}",
                    remedy="give the tokens different labels",
                ) from error
            raise WorldError(
                f"the {self._reference} cannot be used at present ({name})",
                remedy="check that the token is connected and its service runs",
            ) from error


def _binding() -> ModuleType:
    try:
        import pkcs11  # noqa: PLC0415 an extra: the package works without it
    except ImportError as error:
        raise UserError(
            "keys in a token need python-pkcs11, which is not installed",
            remedy="install the package with its extra: ceralacca[hsm]",
        ) from error
    return pkcs11


def _lock_of(library: Path) -> threading.RLock:
    if not library.is_file():
        raise UserError(f"there is no PKCS#11 library at {library}", remedy="set the path of the vendor's library")
    with _locks_lock:
        return _locks.setdefault(str(library.resolve()), threading.RLock())
