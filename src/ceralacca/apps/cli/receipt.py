"""`pec receipt`: a holder's receipts and notices again, octet for octet as they were given out (LO-8)."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Purpose, Ticket, Why, told_beforehand
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.errors import UserError, WorldError

if TYPE_CHECKING:
    from ceralacca.ports.receipts import ShelvedReceipt
    from ceralacca.services.shelf import Shelf
    from ceralacca.store.database import DatabaseStore

commands = typer.Typer(
    name="receipt", help="A holder's receipts again: list them, give them out as they were.", no_args_is_help=True
)
Identifier = Annotated[
    str, typer.Argument(metavar="IDENTIFICATIVO", help="The PEC identifier of a message, or the client's Message-ID.")
]


@commands.command("list")
def list_command(
    identifier: Identifier, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """List the receipts and notices that the sender of a message was given, and what is kept of each.

    `bytes`: it can be given out again; `hash`: a copy can be told by it. What is not listed is in the log alone:
    pec log extract says what the log has of it.
    """
    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        found = [one for _, receipts in _found(store, identifier) for one in receipts]
    if as_json:
        write_json([plain_receipt(one) for one in found])
        return
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    heads = ("instant", "kind", "kept", "octets", "message_id")
    rows = [[Run(words("receipt_shelf", head), "bold") for head in heads]]
    rows += [
        [
            Run(f"{one.instant:%Y-%m-%d %H:%M:%S}"),
            Run(visible(one.kind)),
            Run(one.kept.value),
            Run(str(one.size)),
            Run(visible(one.message_id)),
        ]
        for one in found
    ]
    page.grid(rows, gap=2)


@commands.command("again")
def again_command(
    identifier: Identifier,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; made when it is not there.")],
    purpose: Purpose = "",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Write the receipts of a message again: the same octets that the holder was given, as `pec verify` reads them.

    Each is compared with its hash before it is written. They are for the sender of the message alone; that they were
    given out again is recorded, with purpose. Exit status: 0 all of them, 1 of some only the hash is kept, 2 none.
    """
    from ceralacca.core.log_extract import KeptAs  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.services.shelf import Shelf  # noqa: PLC0415
    from ceralacca.store.durable_files import put_file  # noqa: PLC0415

    words = words_of(lang)
    if not purpose.strip():
        raise UserError("receipts are given out for a purpose", remedy="--purpose says who asked, and how identified")
    written: list[dict[str, Any]] = []
    with closing(open_store_of(config, words)) as store:
        shelf = Shelf(store)
        for name, receipts in _found(store, identifier):
            told_beforehand(
                store, AuditAct.RECEIPT_REISSUED, "pec receipt again", Why(purpose, ticket),
                mailbox=receipts[0].holder, about=name, detail={"receipts": len(receipts)},
            )  # fmt: skip
            for number, one in enumerate(receipts, start=len(written) + 1):
                file = None
                if one.kept is KeptAs.BYTES:
                    file = _path(out, number, one)
                    _write(file, shelf, one, put_file)
                written.append({**plain_receipt(one), "file": str(file) if file else None})
    if as_json:
        write_json(written)
    else:
        for plain in written:
            print(plain["file"] or words("receipt_shelf", "hash_only", **plain))
    if not all(plain["file"] for plain in written):
        raise typer.Exit(1)


def plain_receipt(one: "ShelvedReceipt") -> dict[str, Any]:
    """Return a receipt for programs."""
    return {
        "identifier": one.identifier,
        "holder": one.holder.text,
        "message_id": one.message_id,
        "kind": one.kind,
        "instant": one.instant.isoformat(),
        "sha256": one.digest,
        "size": one.size,
        "kept": one.kept.value,
    }


def _found(store: "DatabaseStore", identifier: str) -> "list[tuple[str, list[ShelvedReceipt]]]":
    """Return the transactions of a name with the receipts of their senders. Raises UserError when there are none."""
    from ceralacca.services.shelf import Shelf  # noqa: PLC0415

    senders = {row.identifier: row.sender for row in store.log_of(identifier) if row.identifier and row.sender}
    shelf: Shelf = Shelf(store)
    found = [(name, receipts) for name, sender in senders.items() if (receipts := shelf.receipts(name, sender))]
    if not found:
        raise UserError(
            f"no receipt of {identifier} is kept",
            remedy="pec trace shows what the log has; pec log extract gives it to the holder, signed",
        )
    return found


def _path(folder: Path, number: int, one: "ShelvedReceipt") -> Path:
    return folder / f"{number:02d}-{''.join(c for c in one.kind if c.isalnum() or c == '-')}.eml"


def _write(path: Path, shelf: "Shelf", one: "ShelvedReceipt", put_file: Any) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_file(path, bytes(shelf.octets(one)))
    except OSError as error:
        raise WorldError(f"{path}: {error.strerror}", remedy="give another --out") from error
