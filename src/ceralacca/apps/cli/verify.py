"""`pec verify`: what each message is, who sealed it, whether the seal holds, and what it proves."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ceralacca.apps.cli.extract import Extractor
from ceralacca.apps.cli.json_report import document
from ceralacca.apps.cli.judgement import Judgement
from ceralacca.apps.cli.originals import HashCheck, Originals
from ceralacca.apps.cli.render import Renderer
from ceralacca.apps.cli.sources import Source, files_of, read_sources
from ceralacca.apps.cli.words import Words
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.core.story import Story, Witness, tell
from ceralacca.services.verify_message import MessageReport, verify_message

ALL_VALID, SOME_NOT = 0, 1
_WIDTH = 120
"""Columns where the output is no terminal."""
_MANY = 20
"""From so many files on there is a progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What was asked for beside the files."""

    as_json: bool
    extract: Path | None
    originals: Path | None


def verify_files(arguments: list[str], judgement: Judgement, options: VerifyOptions, words: Words) -> int:
    """Judge every message and write the answer; returns the exit status.

    Raises UserError when a file cannot be read or written.
    """
    files = files_of(arguments)
    extractor = Extractor(options.extract) if options.extract else None
    originals = Originals(options.originals) if options.originals else None
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    renderer = Renderer(console, words)
    if not options.as_json:
        renderer.missing(judgement.missing)
    reports: list[MessageReport] = []
    checks: dict[str, tuple[HashCheck, ...]] = {}
    for source in _with_progress(files, words):
        report = _judge(source, judgement)
        if extractor is not None:
            extractor.extract(source.name, source.data)
        if originals is not None and report.issued_receipt is ReceiptKind.BRIEF and report.original is not None:
            checks[source.name] = originals.check(report.original)
        if not options.as_json:
            renderer.report(report, checks.get(source.name, ()))
        reports.append(_light(report))
    stories = _stories(reports)
    if options.as_json:
        json.dump(document(reports, stories, judgement.missing, checks), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        if len(reports) > 1 and stories:
            renderer.stories(stories)
        renderer.summary(reports)
    hashes_fit = all(check.file is not None for found in checks.values() for check in found)
    return ALL_VALID if hashes_fit and all(report.valid for report in reports) else SOME_NOT


def _with_progress(files: list[str], words: Words) -> Iterator[Source]:
    if len(files) < _MANY or not sys.stderr.isatty():
        for name in files:
            yield from read_sources(name)
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name in progress.track(files, description=words("label", "verifying")):
            yield from read_sources(name)


def _judge(source: Source, judgement: Judgement) -> MessageReport:
    """Judge one message; of an mbox that quoted lines, the reading that the seal fits."""
    report = verify_message(source.name, source.data, judgement.verify)
    altered = report.seal is not None and report.seal.verdict is SealVerdict.ALTERED
    if altered and source.unquoted is not None:
        unquoted = verify_message(source.name, source.unquoted, judgement.verify)
        if unquoted.seal is not None and unquoted.seal.verdict is not SealVerdict.ALTERED:
            return unquoted
    return report


def _light(report: MessageReport) -> MessageReport:
    """Return the report without views of the message, so that its octets can be forgotten."""
    return replace(
        report,
        summary=report.summary and report.summary.without_content(),
        original=report.original and report.original.without_content(),
        nested=tuple(_light(nested) for nested in report.nested),
    )


def _stories(reports: list[MessageReport]) -> tuple[Story, ...]:
    return tell(
        Witness(name=report.name, certification=report.certification, proven=report.proven)
        for report in reports
        if report.certification is not None
    )
