"""The proof of a sent message, to take away: the envelope, the receipts and their verdicts in one ZIP.

`pec verify` reads it as it stands; what it proves is written inside, for whoever gets it.

Clauses: 1.3, LO-8; users.md 1.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, Final

from starlette.responses import Response, StreamingResponse

from ceralacca.apps.cli.render import written
from ceralacca.apps.web.message_pages import download
from ceralacca.apps.web.receipts import Receipt, as_receipts_say, envelope_of, receipts_of
from ceralacca.apps.web.sent_pages import transaction_of
from ceralacca.apps.web.visit import Visit
from ceralacca.formats.proof_archive import Exhibit, file_name, write_proof
from ceralacca.services.own_transactions import OwnTransaction

_SPOOLED: Final = 8 * 2**20
_CHUNK: Final = 64 * 1024


def archive(visit: Visit) -> Response:
    """Give the ZIP."""
    transaction = transaction_of(visit, visit.query("id"))
    receipts = receipts_of(visit, transaction)
    transaction = as_receipts_say(transaction, receipts)
    now = visit.parts.clock.now()
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 closed when it was sent
    envelope = envelope_of(visit, transaction)
    exhibits = [_exhibit(visit, one) for one in receipts]
    if envelope is not None:
        title = visit.law("row", "4")
        exhibits.insert(0, Exhibit(name=title, octets=envelope, instant=transaction.sent.accepted))
    write_proof(
        file,
        exhibits,
        readme=_readme(visit, transaction, receipts),
        verdicts=_verdicts(transaction, receipts, now.isoformat(timespec="seconds")),
        at=now,
    )
    size = file.tell()
    file.seek(0)
    name = f"prova-{file_name(transaction.sent.original.subject or transaction.identifier)[:60]}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return StreamingResponse(_pieces(file), media_type="application/zip", headers=headers)


def receipt(visit: Visit) -> Response:
    """Give one receipt as its original file."""
    transaction = transaction_of(visit, visit.query("id"))
    receipts, number = receipts_of(visit, transaction), visit.number("n")
    one = receipts[min(number, len(receipts) - 1)] if receipts else None
    octets = one.octets if one else (envelope_of(visit, transaction) or b"")
    return download(octets, f"{file_name(_exhibit(visit, one).name if one else 'busta')}.eml", "message/rfc822")


def _exhibit(visit: Visit, one: Receipt) -> Exhibit:
    row = one.judged.row
    title = visit.law("row", str(row.facts.number)) if row else ""
    whom = " ".join(one.judged.concerned) if len(one.judged.concerned) == 1 else ""
    return Exhibit(name=f"{title} {whom}".strip(), octets=one.octets, instant=one.instant)


def _readme(visit: Visit, transaction: OwnTransaction, receipts: tuple[Receipt, ...]) -> str:
    """Return what a reader needs to know who has never seen such a file."""
    t, original = visit.words, transaction.sent.original
    lines = [
        t("proof", "title"),
        "",
        t("proof", "about", subject=original.subject or "-", sender=original.sender, identifier=original.identifier),
        t("proof", "accepted", instant=written(transaction.sent.accepted)),
        "",
        t("proof", "outcome"),
    ]
    for one in transaction.recipients:
        detail = f" ({one.detail})" if one.detail else ""
        lines.append(f"  {one.address}: {t('state', one.state)}, {written(one.since)}{detail}")
    lines += ["", t("proof", "files", count=len(receipts))]
    lines += ["", t("proof", "check"), "", t("proof", "keep"), ""]
    return "\n".join(lines)


def _verdicts(transaction: OwnTransaction, receipts: tuple[Receipt, ...], at: str) -> object:
    original = transaction.sent.original
    return {
        "identificativo": original.identifier,
        "msgid": original.client_message_id,
        "mittente": original.sender.text,
        "oggetto": original.subject,
        "accettato": transaction.sent.accepted.isoformat(),
        "destinatari": [
            {
                "indirizzo": one.address.text,
                "tipo": one.kind.value,
                "stato": one.state.value,
                "dal": one.since.isoformat(),
                "errore-esteso": one.detail,
            }
            for one in transaction.recipients
        ],
        "ricevute": [
            {
                "tipo": one.judged.row.facts.kind.value if one.judged.row and one.judged.row.facts.kind else "",
                "gestore-emittente": one.judged.provider,
                "data": one.instant.isoformat(),
                "consegna": list(one.judged.concerned),
                "verdetto": one.judged.verdict,
            }
            for one in receipts
        ],
        "verificato": at,
    }


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK):
            yield piece


ENDPOINTS: Final = (("/sent/proof", archive, "GET"), ("/sent/receipt", receipt, "GET"))
