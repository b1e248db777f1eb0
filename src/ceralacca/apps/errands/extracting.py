"""The role `extracts`: draws the extracts of the log that holders ask for on the pages, and signs them (LO-8).

It reads the key of the log and faces nobody: the web role, which faces the Internet, writes down what is asked for and
hands out the file, and never sees the key. What a holder may have is decided here, by the same services as for
`pec log extract`, and recorded in the audit trail before the file is there (ADR 15).

Clauses: LO-6, LO-8, SE-4.
"""

import socket
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import structlog

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.key_use import key_in_use
from ceralacca.apps.log_extract import extract_hand, new_reference
from ceralacca.apps.offices import log_signer
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.log_extract import Selection
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, Origin
from ceralacca.ports.errand import KEPT_FOR, Errand, ErrandKind, ErrandState
from ceralacca.ports.signer import Signer
from ceralacca.services.extract_log import Finished, NoSuchMessage, TooManyRows, draw, finish
from ceralacca.services.shelf import Shelf
from ceralacca.store.database import DatabaseStore
from ceralacca.store.durable_files import put_file

_LOG = structlog.get_logger(__name__)
_LOOK: Final = 2.0
_RECORD_EVERY: Final = timedelta(days=1)


def run_extracts(settings: Settings, duty: Duty) -> None:
    """Draw extracts until the duty ends. Raises UserError, WorldError."""
    folder = DataFolder(settings.data.folder)
    folder.make()

    def load() -> Signer:
        signer = log_signer(settings)
        if signer is None:
            raise UserError("there is no key of the log", remedy="give the table message_log.keys (LO-6)")
        return signer

    with (
        closing(provider_store(settings, connections=1)) as store,
        key_in_use(load, store, folder, role="extracts", serves="log", every=_RECORD_EVERY) as key,
    ):
        duty.ready()
        while not duty.ending.wait(_LOOK):
            duty.beat()
            key.record_due()
            try:
                draw_next(settings, store, folder.handouts, key.signer)
            except WorldError as error:
                _LOG.warning("extracts.away", error=type(error).__name__, reason=str(error))


def draw_next(settings: Settings, store: DatabaseStore, handouts: Path, signer: Signer) -> bool:
    """Draw the extract that has waited longest; return whether there was one. Raises WorldError."""
    errands, now = store.errands(), CLOCK.now()
    errand = errands.claim(ErrandKind.EXTRACT, now=now)
    if errand is None:
        return False
    try:
        finished = _finished(settings, store, errand, signer, now)
    except UserError as error:
        reason = {TooManyRows: "rows", NoSuchMessage: "message"}.get(type(error), "broken")
        failed = replace(errand, state=ErrandState.FAILED, outcome={"reason": reason})
        errands.finish(failed, now=CLOCK.now())
        return True
    octets = _zip(finished)
    store.audit.record(_event(errand, finished, now))
    try:
        put_file(handouts / errand.number, octets)
    except OSError as error:
        raise WorldError(f"{handouts}: {error.strerror}", remedy="look at the disk") from error
    rows = finished.extract.rows
    done = replace(
        errand,
        state=ErrandState.DONE,
        done=rows,
        total=rows,
        outcome={"messages": str(len(finished.extract.transactions)), "reference": finished.extract.reference},
        file=f"estratto-{finished.extract.reference}.zip",
        size=len(octets),
        until=CLOCK.now() + KEPT_FOR,
    )
    errands.finish(done, now=CLOCK.now())
    _LOG.info("extracts.drawn", reference=finished.extract.reference, rows=rows)
    return True


def _finished(settings: Settings, store: DatabaseStore, errand: Errand, signer: Signer, now: datetime) -> Finished:
    asked = errand.asked
    selection = Selection(
        mailbox=errand.mailbox,
        since=_instant(asked.get("since", "")),
        until=_instant(asked.get("until", "")),
        identifier=asked.get("message") or None,
    )
    drawn = draw(
        store,
        selection,
        shelf=Shelf(store),
        own_domains=store.domains(),
        reference=new_reference(now),
        provider=settings.provider.name,
        made=now,
        purpose=asked["purpose"],
    )
    store.errands().report(errand.number, now=CLOCK.now(), done=0, total=drawn.rows)
    return finish(drawn, extract_hand(settings, (asked.get("language", "it"),), signer))


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _zip(finished: Finished) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in finished.files:
            archive.writestr(one.name, one.octets)
    return out.getvalue()


def _event(errand: Errand, finished: Finished, now: datetime) -> AuditEvent:
    drawn = finished.extract
    return AuditEvent(
        instant=now,
        act=AuditAct.LOG_EXTRACTED,
        actor=Actor(kind=ActorKind.HOLDER, name=errand.mailbox.text),
        origin=Origin(process="web", host=socket.gethostname(), peer=errand.asked.get("peer", "")),
        mailbox=errand.mailbox,
        about=drawn.reference,
        purpose=drawn.purpose,
        detail={
            "reference": drawn.reference,
            **{name: errand.asked[name] for name in ("since", "until", "message") if errand.asked.get(name)},
            "messages": len(drawn.transactions),
            "rows": drawn.rows,
        },
    )
