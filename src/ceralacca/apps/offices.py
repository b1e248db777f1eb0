"""Who judges and who seals, joined: from the settings to a key, a verifier, an office.

Each function makes one part for one process, so that a role holds what it needs and nothing else: the
signing key is read by `signer` only, and only workers call it (and the export of our own record).
Apart from `apps.wiring`, for the doors take mail with none of this, and are open before it is loaded.

Clauses: SE-4 (least privilege), IP-8, IP-9, DI-3.
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, NoReturn

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.sections import KeysSection
from ceralacca.apps.wiring import CLOCK, mail_store, scanner
from ceralacca.base.errors import OurError, UserError
from ceralacca.base.identifiers import name_entropy
from ceralacca.core.directory import Directory
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.draft import Draft
from ceralacca.lint.sealable import examine
from ceralacca.ports.mail_sender import SendsMail
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.ports.sealer import Sealed
from ceralacca.ports.signer import Signer
from ceralacca.ports.store import Store
from ceralacca.services.lockstep import give_way
from ceralacca.services.office import Office
from ceralacca.store.crl_copies import CrlCopies
from ceralacca.store.directory_copy import DamagedDirectoryCopy, DirectoryCopy, NoDirectoryCopy
from ceralacca.store.durable_files import UnprotectedFile
from ceralacca.store.maildir_files import Owner
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.key_files import read_certificates
from ceralacca.trust.material import TrustMaterial, read_material
from ceralacca.trust.pkcs11 import TokenKey, TokenReference
from ceralacca.trust.sealer import Sealer
from ceralacca.trust.software_key import SoftwareKey
from ceralacca.trust.verifier import JudgedAt, verify_seal

_LOOK_SECONDS: Final = 1.0
"""How long an edition of the CRLs is taken for the newest without looking."""


def issuing_provider(settings: Settings) -> IssuingProvider:
    """Return who generates messages."""
    return IssuingProvider(name=settings.provider.name, address=settings.provider.address)


def signer(settings: Settings) -> Signer:
    """Read the signing key, or open the token that holds it. Raises UserError, WorldError."""
    return _signer(settings.keys)


def log_signer(settings: Settings) -> Signer | None:
    """Read the key of the log, or open its token; None when there is none. Raises UserError, WorldError."""
    return None if settings.message_log.keys is None else _signer(settings.message_log.keys)


def _signer(keys: KeysSection) -> Signer:
    if keys.token is None:
        assert keys.key is not None, "the settings have one of them"
        return SoftwareKey.load(keys.key, keys.certificate, passphrase_file=keys.passphrase_file)
    token = keys.token
    reference = TokenReference(
        library=token.library,
        token=token.token,
        pin_file=token.pin_file,
        key_label=token.key_label,
        key_id=bytes.fromhex(token.key_id) if token.key_id else None,
    )
    certificate, *above = read_certificates(keys.certificate)
    return TokenKey(reference, certificate, tuple(above))


class LocalDirectory:
    """The copy of the directory in use, parsed once for each edition. Safe between threads."""

    def __init__(self, folder: Path) -> None:
        self._copy = DirectoryCopy(folder)
        self._pointer = folder / "current"
        self._lock = Lock()
        self._edition: object = None
        self._directory: Directory | None = None

    def __call__(self) -> Directory | None:
        """Return it; None while there is none that can be read, and what needs it waits (IP-5)."""
        edition = _edition(self._pointer)
        with self._lock:
            if edition != self._edition:
                self._directory = self._read()
                self._edition = edition
            return self._directory

    def _read(self) -> Directory | None:
        try:
            return self._copy.load().directory
        except (NoDirectoryCopy, DamagedDirectoryCopy, UnprotectedFile):
            return None


class Verifiers:
    """Gives the verifier for an instant; a new edition of the CRLs makes a new trust store (IP-9)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._copies = CrlCopies(DataFolder(settings.data.folder).crls)
        self._lock = Lock()
        self._edition: object = object()
        self._store: TrustStore | None = None
        self._until = 0.0

    def __call__(self, instant: datetime, directory: Directory | None, /, *, signing: bool = False) -> VerifiesSeal:
        """Return what judges seals for that instant (IP-8); with `signing`, as of when each was made (TO-21)."""
        trust, at = self._trust(), JudgedAt.signing(instant) if signing else JudgedAt.now(instant)
        return lambda message, *, sender_domain: verify_seal(
            message, trust=trust, directory=directory, at=at, sender_domain=sender_domain
        )

    def _trust(self) -> TrustStore:
        if self._store is None or time.monotonic() >= self._until:
            self._renew()
        assert self._store is not None, "renewed if there was none"
        return self._store

    def _renew(self) -> None:
        folder = self._settings.trust.crl_folder
        edition = (self._copies.edition(), _edition(folder) if folder else None)
        with self._lock:
            if self._store is None or edition != self._edition:
                self._store = trust_store(self._settings)
                self._edition = edition
            self._until = time.monotonic() + _LOOK_SECONDS


def authorities(settings: Settings) -> TrustMaterial:
    """Read anchors and intermediates. Raises UserError."""
    material = read_material(settings.trust.anchors)
    if not material.anchors:
        raise UserError("trust.anchors: no authority's certificate inside", remedy="give the root certificate")
    return material


def trust_store(settings: Settings) -> TrustStore:
    """Make the trust store of the present edition. Raises UserError."""
    material = authorities(settings)
    kept = CrlCopies(DataFolder(settings.data.folder).crls).kept()
    fetched = [kept[url].der for url in settings.trust.crl_urls if url in kept]
    folder = settings.trust.crl_folder
    given = read_material([folder]).crls if folder else ()
    return TrustStore(
        anchors=material.anchors,
        intermediates=material.intermediates,
        crls=dict.fromkeys((*material.crls, *fetched, *given)),
    )


def worker_office(settings: Settings, store: Store, key: Signer, owner: Owner | None = None) -> Office:
    """Return the office of a process that seals with the signing key, which no other process reads."""
    sealer = Sealer(key, settings.provider.address, name_entropy)

    def seals(draft: Draft, /) -> Sealed:
        sealable = examine(draft)
        give_way()
        return sealer.seal(sealable)

    return _office(settings, store, seals=seals, sends=None, owner=owner)


def relay_office(settings: Settings, store: Store, sends: SendsMail) -> Office:
    """Return the office of the relay: with a way out, without a key."""
    return office_without_key(settings, store, sends)


def office_without_key(settings: Settings, store: Store, sends: SendsMail | None = None) -> Office:
    """Return the office of a process that seals nothing."""

    def seals(_draft: Draft, /) -> NoReturn:
        raise OurError("a process without a key was asked to seal")

    return _office(settings, store, seals=seals, sends=sends, owner=None)


def _office(
    settings: Settings,
    store: Store,
    *,
    seals: Callable[[Draft], Sealed],
    sends: SendsMail | None,
    owner: Owner | None,
) -> Office:
    return Office(
        provider=issuing_provider(settings),
        service_mailbox=settings.provider.service_mailbox,
        seals=seals,
        verifier=Verifiers(settings),
        directory=LocalDirectory(DataFolder(settings.data.folder).directory),
        scanner=scanner(settings),
        store=store,
        mail=mail_store(settings, owner),
        entropy=name_entropy,
        clock=CLOCK,
        sends=sends,
        access=settings.access.rules(),
        deadlines=settings.deadlines.rules(),
        require_tls_for_pec=settings.incoming.require_tls_for_pec,
    )


def _edition(path: Path) -> object:
    """Return a value that changes when a file is replaced, or a name in a folder changes."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
