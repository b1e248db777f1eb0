"""The sandbox's authorities as one folder: keys, certificates, what was issued and revoked, and the directory.

    keys/           TEST keys, PKCS#8, 0600, generated at the first start
    public/         what others may have: roots, intermediate, manager and time-stamping certificates (PEM)
    issued/         every provider's certificate, by serial number (DER)
    crl/            the current CRLs (DER), made anew well before nextUpdate
    collected/      the last good file of each provider (`directory_manager`)
    directory.p7m   the whole directory as published
    state.json      names, revocations, and where providers publish

The folder is 0700 and its state is read anew for each act, so that the process that serves and a
command that revokes agree. Nothing in it is worth protecting but for the order of the demo.

Clauses: CE-8 to CE-10, IP-9, DI-2, DI-11.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ceralacca.apps.authority import certification
from ceralacca.apps.authority.certification import Credential, key_pem, new_key, new_serial
from ceralacca.base.clock import Clock, SystemClock
from ceralacca.base.errors import OurError, UserError
from ceralacca.base.identifiers import Entropy, system_entropy
from ceralacca.base.instants import to_the_second
from ceralacca.core.model.address import Address
from ceralacca.store.durable_files import check_folder, make_folder, put_file
from ceralacca.testing.authority import Issuer, Revocation, TestIdentity, pem
from ceralacca.trust.key_files import read_certificates, read_private
from ceralacca.trust.revocation import read_crl
from ceralacca.trust.software_key import SoftwareKey

ROOT, INTERMEDIATE, TLS = "pec-root", "pec-intermediate", "tls-root"
_MANAGER, _STAMPER = "directory-manager", "time-stamps"
_DIRECTORY = "directory.p7m"
CRL_LIFE: Final = timedelta(hours=24)
MANAGER_ADDRESS: Final = "indice@prova.example"
CRL_BASE: Final = "http://crl.prova.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one provider publishes its own records (DI-1): an https address, or a `file:` path on this machine."""

    name: str
    location: str


class Sandbox:
    """One sandbox. Safe between processes for what changes its state."""

    def __init__(self, folder: Path, *, clock: Clock | None = None, entropy: Entropy = system_entropy) -> None:
        self.folder = folder
        self.clock: Clock = clock or SystemClock()
        self._entropy = entropy

    @classmethod
    def create(
        cls, folder: Path, *, clock: Clock | None = None, entropy: Entropy = system_entropy, crl_base: str = CRL_BASE
    ) -> "Sandbox":
        """Make a sandbox with new random keys. Raises UserError when there is one already."""
        sandbox = cls(folder, clock=clock, entropy=entropy)
        if sandbox.exists:
            raise UserError(f"{folder} holds a sandbox already", remedy="open it, or name another folder")
        sandbox._make(crl_base)
        return sandbox

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None, entropy: Entropy = system_entropy) -> "Sandbox":
        """Open a sandbox. Raises UserError when there is none, UnprotectedFile when others may write to it."""
        sandbox = cls(folder, clock=clock, entropy=entropy)
        if not sandbox.exists:
            raise UserError(f"{folder} holds no sandbox", remedy="create it first")
        check_folder(folder)
        return sandbox

    @property
    def exists(self) -> bool:
        """Whether the folder holds a whole sandbox: its state is written last."""
        return (self.folder / "state.json").exists()

    # -- what others are given --------------------------------------------------------------------

    @property
    def public(self) -> Path:
        """The folder of certificates that others may have."""
        return self.folder / "public"

    @property
    def tls_roots(self) -> Path:
        """PEM of the root that vouches for every TLS certificate of the sandbox: what a mail client must trust."""
        return self.public / f"{TLS}.pem"

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """DER of the PEC trust anchor."""
        return read_certificates(self.public / f"{ROOT}.pem")

    @property
    def intermediates(self) -> tuple[bytes, ...]:
        """DER of the authority that certifies providers."""
        return read_certificates(self.public / f"{INTERMEDIATE}.pem")

    @property
    def manager_certificate(self) -> bytes:
        """DER of the directory manager's certificate, to be pinned (DI-5)."""
        return read_certificates(self.public / f"{_MANAGER}.pem")[0]

    @property
    def stamper_certificate(self) -> bytes:
        """DER of the time-stamping certificate."""
        return read_certificates(self.public / f"{_STAMPER}.pem")[0]

    # -- certificates -----------------------------------------------------------------------------

    def certify_provider(
        self, name: str, address: str | Address, *, key: rsa.RSAPrivateKey | None = None, into: Path | None = None
    ) -> TestIdentity:
        """Certify a provider by the profile of 9.4, with a new key unless one is given.

        With `into` key and certificate are also written there as `key.pem` (0600) and `certificate.pem`.
        """
        holder = address if isinstance(address, Address) else Address.parse(address)
        identity = certification.provider_identity(
            self._issuer(INTERMEDIATE),
            name,
            holder,
            key or new_key(),
            new_serial(self._entropy),
            self._now(),
            crl=self.crl_address(INTERMEDIATE),
        )
        with self._changing() as state:
            state["providers"].append({"name": name, "serial": identity.x509.serial_number})
            put_file(self.folder / "issued" / f"{identity.x509.serial_number}.der", identity.certificate)
        if into is not None:
            _write_pair(into, identity.pkcs8(), identity.certificate_pem())
        return identity

    def certify_log(self, name: str, *, into: Path) -> Credential:
        """Certify a new key for the seals of a provider's log (LO-6), written as for providers."""
        subject = certification.authority_name(f"Log di {name}"[:64], self._state()["mark"])
        credential = certification.log_credential(
            self._issuer(INTERMEDIATE),
            subject,
            new_key(),
            new_serial(self._entropy),
            self._now(),
            crl=self.crl_address(INTERMEDIATE),
        )
        _write_pair(into, credential.key_pem, credential.certificate_pem)
        return credential

    def tls_certificate(self, hostnames: Sequence[str], *, client: bool = True, into: Path | None = None) -> Credential:
        """Certify a TLS server (and client) for names and addresses; `into` as for providers."""
        if not hostnames:
            raise UserError("a TLS certificate needs a name", remedy="give host names or addresses")
        credential = certification.tls_credential(
            self._issuer(TLS), hostnames, new_serial(self._entropy), self._now(), client=client
        )
        if into is not None:
            _write_pair(into, credential.key_pem, credential.certificate_pem)
        return credential

    def certificates_of(self, name: str) -> tuple[bytes, ...]:
        """Return the DER of a provider's certificates that are not revoked, the oldest first (DI-6)."""
        state = self._state()
        revoked = {entry["serial"] for entry in state["revoked"]}
        serials = [one["serial"] for one in state["providers"] if one["name"] == name and one["serial"] not in revoked]
        return tuple((self.folder / "issued" / f"{serial}.der").read_bytes() for serial in serials)

    def revoke(self, certificate: bytes) -> None:
        """Revoke a provider's certificate from now on; the next CRL says so. Raises UserError for a stranger's."""
        serial = x509.load_der_x509_certificate(certificate).serial_number
        if not (self.folder / "issued" / f"{serial}.der").exists():
            raise UserError("this authority has not issued that certificate", remedy="name one of `certificates_of`")
        with self._changing() as state:
            if serial not in {entry["serial"] for entry in state["revoked"]}:
                state["revoked"].append({"serial": serial, "at": self._now().isoformat()})
        self.crl(INTERMEDIATE)

    # -- CRLs -------------------------------------------------------------------------------------

    def crl_address(self, name: str) -> str:
        """Return what certificates name as the address of a CRL."""
        return f"{self._state()['crl_base']}/{name}.crl"

    def crl(self, name: str) -> bytes:
        """Return the current CRL of ROOT or INTERMEDIATE, made anew when half its life is over or one was revoked."""
        path, now = self.folder / "crl" / f"{name}.crl", self._now()
        with self._turn():
            revoked = self._revoked() if name == INTERMEDIATE else ()
            if path.exists() and _still_good(kept := path.read_bytes(), revoked, now):
                return kept
            made = self._issuer(name).crl(at=now, until=now + CRL_LIFE, revoked=revoked)
            put_file(path, made)
            return made

    # -- directory and time stamps ----------------------------------------------------------------

    def list_provider(self, name: str, location: str) -> None:
        """Note where a provider publishes its records, instead of where it did before."""
        with self._changing() as state:
            state["sources"] = {**state["sources"], name: location}

    def sources(self) -> tuple[Source, ...]:
        """Return where every provider publishes."""
        return tuple(Source(name=name, location=location) for name, location in self._state()["sources"].items())

    def manager(self) -> SoftwareKey:
        """Return the key that signs the whole directory (DI-2)."""
        return self._signer(_MANAGER)

    def stamper(self) -> Credential:
        """Return the key that signs time stamps."""
        key = _load_key(self.folder / "keys" / f"{_STAMPER}.pem")
        certificate, *above = read_certificates(self.public / f"{_STAMPER}.pem")
        return Credential(key=key, certificate=certificate, above=tuple(above))

    def publish(self, p7m: bytes) -> None:
        """Put a directory file in the place that is served."""
        put_file(self.folder / _DIRECTORY, p7m)

    def directory_p7m(self) -> bytes | None:
        """Return the directory as published, None before the first time."""
        path = self.folder / _DIRECTORY
        return path.read_bytes() if path.exists() else None

    def new_serial(self) -> int:
        """Return a random number that names a certificate or a time stamp."""
        return new_serial(self._entropy)

    # -- inside -----------------------------------------------------------------------------------

    def _make(self, crl_base: str) -> None:
        make_folder(self.folder)
        for name in ("keys", "public", "issued", "crl", "collected"):
            make_folder(self.folder / name)
        mark, now = self._entropy(3).hex(), self._now()

        def named(common_name: str) -> x509.Name:
            return certification.authority_name(common_name, mark)

        root = certification.new_root(ROOT, named("Radice PEC TEST"), new_key(), self.new_serial(), now)
        crl = f"{crl_base}/{ROOT}.crl", f"{crl_base}/{INTERMEDIATE}.crl"
        subject = named("Autorita' PEC TEST")
        middle = certification.new_intermediate(
            INTERMEDIATE, subject, new_key(), self.new_serial(), now, root=root, crl=crl[0]
        )
        tls = certification.new_root(TLS, named("Radice TLS TEST"), new_key(), self.new_serial(), now)
        for issuer in (root, middle, tls):
            self._keep(issuer.name, key_pem(issuer.key), issuer.certificate)
        address = Address.parse(MANAGER_ADDRESS)
        manager = certification.provider_identity(
            middle, "Indice dei gestori TEST", address, new_key(), self.new_serial(), now, crl=crl[1]
        )
        self._keep(_MANAGER, manager.pkcs8(), manager.certificate, *manager.intermediates)
        stamper = certification.stamper_credential(
            middle, named("Marche temporali TEST"), new_key(), self.new_serial(), now, crl=crl[1]
        )
        self._keep(_STAMPER, stamper.key_pem, stamper.certificate, *stamper.above)
        self._write_state({"mark": mark, "crl_base": crl_base, "providers": [], "revoked": [], "sources": {}})

    def _keep(self, name: str, key: bytes, *certificates: bytes) -> None:
        put_file(self.folder / "keys" / f"{name}.pem", key)
        put_file(self.public / f"{name}.pem", b"".join(pem(der) for der in certificates), mode=0o644)

    def _issuer(self, name: str) -> Issuer:
        key = _load_key(self.folder / "keys" / f"{name}.pem")
        return Issuer(name=name, key=key, certificate=read_certificates(self.public / f"{name}.pem")[0])

    def _signer(self, name: str) -> SoftwareKey:
        return SoftwareKey.load(self.folder / "keys" / f"{name}.pem", self.public / f"{name}.pem")

    def _revoked(self) -> tuple[Revocation, ...]:
        entries = self._state()["revoked"]
        return tuple(Revocation(serial=one["serial"], at=datetime.fromisoformat(one["at"])) for one in entries)

    def _now(self) -> datetime:
        return to_the_second(self.clock.now())

    def _state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_bytes())
        return found

    def _write_state(self, state: dict[str, Any]) -> None:
        put_file(self.folder / "state.json", json.dumps(state, indent=1).encode() + b"\n")

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with self._turn():
            state = self._state()
            yield state
            self._write_state(state)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _still_good(der: bytes, revoked: tuple[Revocation, ...], now: datetime) -> bool:
    crl = read_crl(der)
    if crl.next_update is None or now < crl.this_update:
        return False
    return now < crl.next_update - CRL_LIFE / 2 and set(crl.revoked) == {entry.serial for entry in revoked}


def _load_key(path: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(read_private(path), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise OurError(f"{path.name} does not hold the RSA key that was put there")
    return key


def _write_pair(folder: Path, key: bytes, certificates: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    put_file(folder / "key.pem", key)
    put_file(folder / "certificate.pem", certificates, mode=0o644)
