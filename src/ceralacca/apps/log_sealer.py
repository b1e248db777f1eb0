"""Seals of the log joined: from the settings to what seals message log and audit trail, and how far that has come.

The timekeeper seals at its times, `pec log seal` on command; both may run at once. They read the key of the log, and so
does whoever draws extracts (`errands.extracting`, `pec log extract`).

Clauses: LO-4 to LO-6, SE-4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.offices import log_signer, trust_store
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.log_sections import TimeStampsSection, WitnessSection
from ceralacca.apps.wiring import provider_database, site_of
from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.log_chain import Ledger
from ceralacca.net.time_stamp_client import TimeStampClient
from ceralacca.net.witness_post import WitnessPost
from ceralacca.ports.log_seal import LedgerStatus, LogKey, Witness
from ceralacca.ports.signer import Signer
from ceralacca.services.seal_log import LogSeal, Sealed
from ceralacca.store.log_folder import FileLogFolder, FolderWitness
from ceralacca.store.log_seal import DatabaseLogSeal
from ceralacca.store.site.files import MirroredLogFolder
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.key_files import read_certificates, read_secret_line
from ceralacca.trust.log_seal import LogSealKey
from ceralacca.trust.material import read_material
from ceralacca.trust.time_stamp import make_request, read_reply, token_of, verify_token

_LOG = structlog.get_logger(__name__)


def node_name(settings: Settings) -> str:
    """Return the name of the provider in its log."""
    return settings.message_log.node or settings.provider.hostname.partition(".")[0][:40]


def log_key(settings: Settings, signer: Signer | None = None) -> LogKey | None:
    """Read the key of the log, or take the one that is given; None when there is none.

    Raises UserError when it is the key of the messages (LO-6).
    """
    signer = signer or log_signer(settings)
    if signer is None:
        return None
    return LogSealKey(signer, messages=read_certificates(settings.keys.certificate)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsStamper:
    """The time-stamping authority of the settings; a `ports.log_seal.Stamper`."""

    client: TimeStampClient
    settings: Settings
    chosen: TimeStampsSection

    def __call__(self, digest: bytes, now: datetime, /) -> tuple[bytes, datetime]:
        """Return a stamp as it came and its instant. Raises WorldError, PeerError."""
        request = make_request(digest, system_entropy)
        reply = self.client(request.octets)
        stamp = read_reply(reply, request, trust=self._trust(), present=now, policy=self.chosen.policy)
        return reply, stamp.instant

    def check(self, reply: bytes, digest: bytes, now: datetime, /) -> datetime:
        """Return the instant of a stamp that is kept. Raises PeerError."""
        token = token_of(reply)
        return verify_token(token, digest, trust=self._trust(), present=now, policy=self.chosen.policy).instant

    def _trust(self) -> TrustStore:
        """Return who is trusted, with the CRLs of this moment."""
        if not self.chosen.anchors:
            return trust_store(self.settings)
        material = read_material(self.chosen.anchors)
        return TrustStore(anchors=material.anchors, intermediates=material.intermediates, crls=material.crls)


def stamper_of(settings: Settings) -> SettingsStamper | None:
    """Return who stamps files of the log; None when the settings name nobody. Raises UserError."""
    chosen = settings.message_log.time_stamps
    if chosen is None:
        return None
    authorization = None
    if chosen.password_file is not None:
        authorization = (chosen.user, read_secret_line(chosen.password_file).decode("utf-8", "surrogateescape"))
    client = TimeStampClient(url=chosen.url, roots=chosen.server_ca, authorization=authorization)
    return SettingsStamper(client=client, settings=settings, chosen=chosen)


def _witness(chosen: WitnessSection | None) -> Witness | None:
    if chosen is None:
        return None
    if chosen.folder is not None:
        return FolderWitness(chosen.folder)
    assert chosen.url is not None, "the settings have one of them"
    assert chosen.server_ca is not None, "the settings have both or neither"
    return WitnessPost(
        url=chosen.url, roots=chosen.server_ca, certificate=chosen.client_certificate, key=chosen.client_key
    )


class LogSealer:
    """Seals both ledgers of one provider; close it. For one thread."""

    def __init__(self, settings: Settings, signer: Signer | None = None) -> None:
        """Read the key unless it is given, open the database. Raises UserError; WorldError when that is away."""
        key = log_key(settings, signer)
        if key is None:
            raise UserError(
                "there is no key to seal the log with", remedy="give the table message_log.keys, of its own key (LO-6)"
            )
        self._every = settings.message_log.seal_every
        self._database = provider_database(settings)
        stamper, witness = stamper_of(settings), _witness(settings.message_log.witness)
        folder, store = _folder(settings), DatabaseLogSeal(self._database)
        self._ledgers = [
            LogSeal(
                ledger=ledger,
                node=node_name(settings),
                store=store,
                key=key,
                folder=folder,
                stamper=stamper,
                witness=witness,
            )
            for ledger in Ledger
        ]
        self._next: datetime | None = None

    def seal(self, now: datetime, *, close: bool = False) -> dict[Ledger, Sealed]:
        """Seal now, whatever the time; `close` ends the present period. Raises WorldError."""
        return {one.ledger: one.do_what_is_due(now, close=close) for one in self._ledgers}

    def do_what_is_due(self, now: datetime) -> None:
        """Seal when it is time; what fails is told and tried again."""
        if self._next is not None and now < self._next:
            return
        self._next = now + self._every
        try:
            sealed = self.seal(now)
        except WorldError as error:
            _LOG.error("log_seal.failed", error=type(error).__name__, reason=str(error))
            return
        _LOG.debug("log_seal.round", blocks=sum(one.blocks for one in sealed.values()))

    def close(self) -> None:
        """Give back the connection."""
        self._database.close()


def seal_status(settings: Settings) -> Sequence[LedgerStatus]:
    """Return how far the seals of both ledgers have come: for people, metrics and `pec doctor`. Raises WorldError."""
    database = provider_database(settings)
    try:
        store = DatabaseLogSeal(database)
        return [store.status(ledger) for ledger in Ledger]
    finally:
        database.close()


def _folder(settings: Settings) -> FileLogFolder:
    site = site_of(settings)
    return FileLogFolder(sealed_folder(settings)) if site is None else MirroredLogFolder(sealed_folder(settings), site)


def sealed_folder(settings: Settings) -> Path:
    """Return where the sealed files are."""
    return DataFolder(settings.data.folder).sealed_log
