"""`pec verify`: what each message is, who sealed it, whether the seal holds, and what it proves.

One message is in memory at a time; of those before it only what the transactions need is kept.
"""

import io
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ceralacca.apps.cli.extract import Extractor
from ceralacca.apps.cli.json_report import document
from ceralacca.apps.cli.judgement import Judgement
from ceralacca.apps.cli.originals import HashCheck, Originals
from ceralacca.apps.cli.render import Renderer
from ceralacca.apps.cli.screen import bear_any_character, holds_signs, page_for, tell_error
from ceralacca.apps.cli.several import FileAnswer, Told, judged_apart, processes_for
from ceralacca.apps.cli.sources import Source, files_of, read_sources
from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.core.story import Story, tell
from ceralacca.services.verify_message import MessageReport, verify_message

ALL_VALID, SOME_NOT, SOME_UNREADABLE = 0, 1, 2
_MANY = 20
"""From so many files on there is a progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What was asked for beside the files."""

    as_json: bool
    short: bool
    """One line a message."""
    extract: Path | None
    originals: Path | None


def verify_files(arguments: list[str], judgement: Judgement, options: VerifyOptions, words: Words) -> int:
    """Judge every message and write the answer; returns the exit status.

    A file that cannot be read is told on standard error, and the others are judged all the same.
    Raises UserError for a path that does not exist and for what cannot be written.
    """
    files = files_of(arguments)
    run = _Run(
        judgement=judgement,
        extractor=Extractor(options.extract) if options.extract else None,
        originals=Originals(options.originals) if options.originals else None,
        keeps_reports=options.as_json,
    )
    if options.as_json:
        for source in run.sources(_with_progress(files, words)):
            run.take(source)
        _write_json(run)
    else:
        _write_text(run, files, options, words)
    return run.status


@dataclass(slots=True, kw_only=True)
class _Run:
    """What is known after the messages taken so far."""

    judgement: Judgement
    extractor: Extractor | None
    originals: Originals | None
    keeps_reports: bool
    """Whether the answer is one document at the end."""
    told: list[Told] = field(default_factory=list)
    reports: list[MessageReport] = field(default_factory=list)
    checks: dict[str, tuple[HashCheck, ...]] = field(default_factory=dict)
    extracted: dict[str, str] = field(default_factory=dict)
    """Folder of what a message carries, by message name."""
    unreadable: dict[str, UserError] = field(default_factory=dict)

    def sources(self, files: Iterable[str]) -> Iterator[Source]:
        """Read one message after the other; what cannot be read is told and passed over."""
        for name in files:
            try:
                yield from read_sources(name)
            except UserError as error:
                self.unreadable[name] = error
                tell_error(error)

    def take(self, source: Source) -> MessageReport:
        """Judge one message, extract it, check its hashes; returns the report without its octets."""
        report, data = _judge(source, self.judgement)
        if self.extractor is not None:
            folder = self.extractor.extract(source.name, data)
            if folder is not None:
                self.extracted[source.name] = str(folder)
        if self.originals is not None and report.issued_receipt is ReceiptKind.BRIEF and report.original is not None:
            self.checks[source.name] = self.originals.check(report.original)
        light = _light(report)
        self.told.append(Told.of(light))
        if self.keeps_reports:
            self.reports.append(light)
        return light

    def take_over(self, answer: FileAnswer) -> Iterator[str]:
        """Keep what another process found in one file; yields the text of each message."""
        if answer.error is not None:
            self.unreadable[answer.name] = answer.error
            tell_error(answer.error)
        for told, text in answer.messages:
            self.told.append(told)
            yield text

    def stories(self) -> tuple[Story, ...]:
        """Return the transactions that the messages make up, those inside others included."""
        return tell(witness for told in self.told for witness in told.witnesses)

    @property
    def status(self) -> int:
        """Exit status: of the messages given; one inside another speaks for itself."""
        if self.unreadable:
            return SOME_UNREADABLE
        hashes_fit = all(check.file is not None for found in self.checks.values() for check in found)
        return ALL_VALID if hashes_fit and all(told.valid for told in self.told) else SOME_NOT


def _write_text(run: _Run, files: list[str], options: VerifyOptions, words: Words) -> None:
    page = page_for(sys.stdout)
    renderer = Renderer(page, words, signs=holds_signs(sys.stdout))
    renderer.missing(run.judgement.missing)
    processes = processes_for(files) if run.extractor is None and run.originals is None else 1
    if processes > 1:
        look = partial(_look_apart, judgement=run.judgement, renderer=renderer, short=options.short)
        with judged_apart(files, look, processes) as answers:
            for _, answer in zip(_watched(files, words), answers, strict=True):
                for text in run.take_over(answer):
                    renderer.hand_on(text)
    else:
        _write_here(run, files, options, words, renderer)
    stories = run.stories()
    if stories and sum(1 + told.within for told in run.told) > 1:
        renderer.stories(stories)
    renderer.summary(valid=sum(told.valid for told in run.told), total=len(run.told))


def _write_here(run: _Run, files: list[str], options: VerifyOptions, words: Words, renderer: Renderer) -> None:
    for source in run.sources(_watched(files, words)):
        report = run.take(source)
        if options.short:
            renderer.line(report)
        else:
            renderer.report(report, run.checks.get(source.name, ()), extracted=run.extracted.get(source.name, ""))
        del source  # before the next one is read


def _look_apart(name: str, *, judgement: Judgement, renderer: Renderer, short: bool) -> FileAnswer:
    """Judge and tell the messages of one file, in a process that judges for another."""
    messages: list[tuple[Told, str]] = []
    error = None
    try:
        for source in read_sources(name):
            report, _ = _judge(source, judgement)
            text = io.StringIO()
            own = renderer.aside(text)
            if short:
                own.line(report)
            else:
                own.report(report)
            messages.append((Told.of(report), text.getvalue()))
    except UserError as unreadable:
        error = unreadable
    return FileAnswer(name=name, messages=tuple(messages), error=error)


def _watched(files: list[str], words: Words) -> Iterable[str]:
    return files if sys.stdout.isatty() else _with_progress(files, words)


def _write_json(run: _Run) -> None:
    bear_any_character(sys.stdout)
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    answer = document(
        run.reports,
        run.stories(),
        missing=run.judgement.missing,
        checks=run.checks,
        extracted=run.extracted,
        unreadable={name: str(error) for name, error in run.unreadable.items()},
    )
    json.dump(answer, sys.stdout, ensure_ascii=ascii_only, indent=2)
    sys.stdout.write("\n")


def _with_progress(files: list[str], words: Words) -> Iterator[str]:
    """Yield the file names, under a progress bar when they are many and somebody watches."""
    if len(files) < _MANY or not sys.stderr.isatty():
        yield from files
        return
    from rich.console import Console  # noqa: PLC0415 - seldom needed
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(files, description=words("label", "verifying"))


def _judge(source: Source, judgement: Judgement) -> tuple[MessageReport, bytes]:
    """Judge one message; of an mbox that quoted lines, the reading that the seal fits."""
    report = verify_message(source.name, source.data, judgement.verify)
    altered = report.seal is not None and report.seal.verdict is SealVerdict.ALTERED
    if altered and source.unquoted is not None:
        unquoted = verify_message(source.name, source.unquoted, judgement.verify)
        if unquoted.seal is not None and unquoted.seal.verdict is not SealVerdict.ALTERED:
            return unquoted, source.unquoted
    return report, source.data


def _light(report: MessageReport) -> MessageReport:
    """Return the report without views of the message, so that its octets can be forgotten."""
    return replace(
        report,
        summary=report.summary and report.summary.without_content(),
        original=report.original and report.original.without_content(),
        nested=tuple(_light(nested) for nested in report.nested),
    )
