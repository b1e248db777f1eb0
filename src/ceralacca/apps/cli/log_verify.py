"""`pec log verify`: are these files the log as it was sealed, whole and in order? Needs neither server nor database."""

import mmap
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ceralacca.apps.cli.provider_options import AsJson, Lang, words_of, write_json
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.apps.cli.page import Page
    from ceralacca.apps.cli.words import Words
    from ceralacca.core.model.log_proof import LogFinding, LogRemark
    from ceralacca.services.verify_log import FileReport, GivenFile, LogReport

_SUFFIX = ".jsonl.p7m"
_MOST_SHOWN = 20
_LARGEST_STAMP = 1 << 20


def verify_command(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES|FOLDER", help="Sealed files (.jsonl.p7m), or folders of them.")
    ],
    *,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Authorities to trust, for seals and stamps: PEM, DER or a folder.", metavar="DIR|PEM"),
    ] = None,
    crl: Annotated[
        list[Path] | None, typer.Option(help="Revocation lists: a file or a folder.", metavar="DIR|CRL")
    ] = None,
    witness: Annotated[
        Path | None,
        typer.Option(help="Folder of block heads that a witness keeps: tells whether the end was cut off."),
    ] = None,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Prove that files of the log are complete, in order and unchanged, or say which file, row and field is not.

    The time stamp of `X.jsonl.p7m` is `X.jsonl.tsr` beside it. Without --trust and --crl seals and stamps are checked
    as far as it goes, and the answer is never that all is proved.

    Exit status: 0 all is proved, 1 something is wrong or could not be judged, 2 usage or unreadable file.
    """
    from ceralacca.apps.cli.judgement import store_of, trust_material  # noqa: PLC0415
    from ceralacca.base.clock import SystemClock  # noqa: PLC0415
    from ceralacca.services.verify_log import verify_log  # noqa: PLC0415
    from ceralacca.trust.log_reading import LogOpener  # noqa: PLC0415

    words = words_of(lang)
    given = [given_file(path) for path in _paths(files, words)]
    material = trust_material(trust or [], crl or [])
    present = (context.obj or SystemClock()).now()
    opener = LogOpener(
        trust=store_of(material) if material.anchors else None,
        anchors=(*material.anchors, *material.intermediates),
        present=present,
    )
    report = verify_log(given, opener, present=present, witness=_witness(witness))
    if as_json:
        write_json(plain_report(report))
    else:
        _write(report, words)
    raise typer.Exit(0 if report.valid else 1)


# -- what is given ----------------------------------------------------------------------------------------


def _paths(given: list[Path], words: "Words") -> list[Path]:
    found = []
    for path in given:
        if path.is_dir():
            found += sorted(path.glob(f"*{_SUFFIX}"))
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"{path}: no such file or folder", remedy="name sealed log files or their folder")
    if not found:
        names = ", ".join(map(str, given))
        raise UserError(words("log_verify", "none", names=names), remedy=f"*{_SUFFIX}")
    return found


def given_file(path: Path) -> "GivenFile":
    """Return a file with the stamp beside it. Raises UserError."""
    from ceralacca.services.verify_log import GivenFile  # noqa: PLC0415

    stamp = path.with_name(path.name.removesuffix(".p7m") + ".tsr")
    kept = _read(stamp)[:_LARGEST_STAMP] if stamp.is_file() else None
    return GivenFile(name=path.name, octets=partial(_mapped, path), stamp=kept)


@contextmanager
def _mapped(path: Path) -> Iterator[bytes]:
    """Give the octets of a file without reading it into memory."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                yield b""
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
                yield cast("bytes", octets)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="check that you may read it") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="check that you may read it") from error


def _witness(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    if folder is None:
        return
    if not folder.is_dir():
        raise UserError(f"--witness {folder}: no such folder", remedy="give the folder of block heads")
    for path in sorted(folder.glob("*.p7m")):
        yield path.name, _read(path)


# -- the answer -------------------------------------------------------------------------------------------


def plain_report(report: "LogReport") -> dict[str, Any]:
    """Return the whole answer for programs: codes, no sentences."""
    return {
        "version": 1,
        "valid": report.valid,
        "rows": report.rows,
        "files": [_plain_file(file) for file in report.files],
    }


def _plain_file(file: "FileReport") -> dict[str, Any]:
    seal, stamp = file.seal, file.stamp
    head = {key: value for key, value in (file.head or {}).items() if key != "blocks"}
    return {
        "name": file.name,
        "octets": file.octets,
        "sha256": file.digest,
        "head": head or None,
        "rows": file.rows,
        "blocks": file.blocks,
        "seal": seal
        and {
            "holds": seal.holds,
            "judged": seal.judged,
            "reason": seal.reason,
            "signer": seal.name,
            "certificate": seal.signer,
            "instant": seal.instant and seal.instant.isoformat(),
        },
        "stamp": stamp
        and {
            "holds": stamp.holds,
            "judged": stamp.judged,
            "reason": stamp.reason,
            "instant": stamp.instant and stamp.instant.isoformat(),
        },
        "findings": [
            {
                "fault": one.fault.value,
                "block": one.block,
                "row": one.row,
                "field": one.field,
                "evidence": dict(one.evidence),
            }
            for one in file.findings
        ],
        "remarks": [{"code": one.code, "evidence": dict(one.evidence)} for one in file.remarks],
    }


def _write(report: "LogReport", words: "Words") -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    for file in report.files:
        _write_file(file, page, words)
    page.gap()
    facts = {"files": len(report.files), "rows": report.rows, "findings": len(report.findings)}
    if report.findings:
        page.line(Run(words("log_verify", "bad", **facts), "bold red"))
    elif report.valid:
        page.line(Run(words("log_verify", "good", **facts), "bold green"))
    else:
        page.line(Run(words("log_verify", "unjudged", **facts), "bold yellow"))


def _write_file(file: "FileReport", page: "Page", words: "Words") -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415

    page.line(Run(file.name, "bold red" if file.findings else "bold"))
    head = file.head
    if head is None:
        page.line(Run(words("log_verify", "no_head")), indent=2)
    else:
        page.line(Run(_head_sentence(head, file, words)), indent=2, hang=2)
    if file.seal is not None and file.seal.instant is not None:
        facts = {"sealed": f"{file.seal.instant:%Y-%m-%d %H:%M:%S} UTC", "signer": file.seal.name}
        page.line(Run(words("log_verify", "sealed_by", **facts), "dim"), indent=2, hang=2)
    if file.stamp is not None and file.stamp.instant is not None:
        instant = f"{file.stamp.instant:%Y-%m-%d %H:%M:%S} UTC"
        page.line(Run(words("log_verify", "stamped", instant=instant), "dim"), indent=2)
    for finding in file.findings[:_MOST_SHOWN]:
        page.line(Run(finding_sentence(finding, words), "red"), indent=2, hang=2)
    if len(file.findings) > _MOST_SHOWN:
        page.line(Run(words("log_verify", "more", count=len(file.findings) - _MOST_SHOWN), "red"), indent=2)
    for remark in file.remarks:
        page.line(Run(_remark_sentence(remark, words), "yellow"), indent=2, hang=2)


def _head_sentence(head: Mapping[str, Any], file: "FileReport", words: "Words") -> str:
    return words(
        "log_verify",
        "file",
        ledger=words.find("ledger", head["ledger"]) or head["ledger"],
        number=head["number"],
        since=head["from"][:19].replace("T", " "),
        until=head["until"][:19].replace("T", " "),
        first=head["first"],
        last=head["last"],
        rows=file.rows,
        blocks=file.blocks,
    )


def finding_sentence(finding: "LogFinding", words: "Words") -> str:
    """Return what is wrong, and where."""
    places = {"block": finding.block, "row": finding.row, "field": finding.field or None}
    where = [words("log_verify", name, **{name: value}) for name, value in places.items() if value is not None]
    evidence = [f"{name} {value}" for name, value in finding.evidence.items() if value]
    return ": ".join(filter(None, (", ".join(where), words("log_fault", finding.fault.value)))) + (
        f" ({', '.join(evidence)})" if evidence else ""
    )


def _remark_sentence(remark: "LogRemark", words: "Words") -> str:
    return words("log_remark", remark.code, **remark.evidence)
