"""`pec log status`: how far the seals of message log and audit trail have come, and what they wait for."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    load_settings,
    words_of,
    write_json,
)

if TYPE_CHECKING:
    from ceralacca.apps.cli.page import Run
    from ceralacca.apps.cli.words import Words
    from ceralacca.ports.log_seal import LedgerStatus


def status_command(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """Show the newest block and file of each ledger, and what waits: rows, files, stamps, the witness."""
    from ceralacca.apps import diagnostics  # noqa: PLC0415
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415
    from ceralacca.apps.log_sealer import seal_status  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    diagnostics.quiet()
    found = seal_status(settings)
    if as_json:
        write_json({one.ledger.value: plain_status(one) for one in found})
        return
    page = page_for(sys.stdout)
    for one in found:
        page.line(Run(words("ledger", one.ledger.value), "bold"))
        page.grid(_rows(one, words), indent=2, gap=2)
    if settings.message_log.keys is None:
        page.line(Run(words("log_status", "no_key"), "red"))


def plain_status(status: "LedgerStatus") -> dict[str, Any]:
    """Return a status for programs."""
    block, file = status.last_block, status.last_file
    return {
        "unsealed_rows": status.unsealed,
        "oldest_unsealed": _iso(status.oldest_unsealed),
        "block": block.head.number if block else None,
        "sealed": _iso(block.head.sealed) if block else None,
        "last_row": block.head.last if block else 0,
        "file": file.plan.name if file else None,
        "file_until": _iso(file.plan.period.until) if file else None,
        "file_stamped": _iso(file.stamped) if file else None,
        "files_unwritten": status.files_unwritten,
        "files_unstamped": status.files_unstamped,
        "oldest_unstamped": _iso(status.oldest_unstamped),
        "blocks_without_witness": status.blocks_without_witness,
        "altered_files": list(status.altered),
    }


def _rows(one: "LedgerStatus", words: "Words") -> "list[list[Run]]":
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415

    none = words("log_status", "none")
    block, file = one.last_block, one.last_file
    sealed = (
        words("log_status", "block_is", number=block.head.number, row=block.head.last, sealed=_when(block.head.sealed))
        if block
        else none
    )
    lines = [("block", sealed, ""), ("unsealed", str(one.unsealed), "")]
    if one.oldest_unsealed is not None:
        lines.append(("oldest_unsealed", _when(one.oldest_unsealed), ""))
    lines.append(("file", file.plan.name if file else none, ""))
    if file is not None:
        lines.append(("stamped", _when(file.stamped) if file.stamped else words("log_status", "not_yet"), ""))
    lines.append(("unstamped", str(one.files_unstamped), "yellow" if one.files_unstamped else ""))
    lines.append(("witness", str(one.blocks_without_witness), ""))
    lines += [("altered", name, "bold red") for name in one.altered]
    return [[Run(words("log_status", key), "dim"), Run(text, style)] for key, text, style in lines]


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
