"""Reports as a person reads them on a terminal, in English or Italian.

Everything that comes out of a message passes `visible` first: no control character of somebody
else reaches the terminal. Marks are words as well as signs, so that nothing depends on colour.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ceralacca.apps.cli.originals import HashCheck
from ceralacca.apps.cli.safe_names import visible
from ceralacca.apps.cli.words import Words
from ceralacca.base.instants import legal_time
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.core.model.outcome import GOOD_VERDICTS, Mark, SealReport, SealVerdict, StepOutcome
from ceralacca.core.story import Event, RecipientOutcome, Story
from ceralacca.formats.message_summary import MessageSummary
from ceralacca.lint.reason import FormReason
from ceralacca.services.verify_message import MessageReport, Nature

_SIGNS = {Mark.PASSED: "✔", Mark.TOLERATED: "≈", Mark.FAILED: "✘", Mark.UNKNOWN: "?", Mark.NOT_REACHED: "·"}
_ASCII_SIGNS = {Mark.PASSED: "+", Mark.TOLERATED: "~", Mark.FAILED: "X", Mark.UNKNOWN: "?", Mark.NOT_REACHED: "."}
_FILLING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
"""Spaces up to the end of a line, before the codes that end its style."""
_QUIET = frozenset({Mark.PASSED, Mark.NOT_REACHED})
_STYLES = {
    Mark.PASSED: "green",
    Mark.TOLERATED: "green",
    Mark.FAILED: "bold red",
    Mark.UNKNOWN: "yellow",
    Mark.NOT_REACHED: "dim",
}
_OUTCOME_STYLES = {
    RecipientOutcome.DELIVERED: "bold green",
    RecipientOutcome.NOT_DELIVERED: "bold red",
    RecipientOutcome.VIRUS: "bold red",
    RecipientOutcome.EXPIRED: "bold red",
    RecipientOutcome.REFUSED: "bold red",
    RecipientOutcome.WARNED: "yellow",
    RecipientOutcome.UNKNOWN: "yellow",
}


def written(instant: datetime) -> str:
    """Write an instant as PEC texts do: Italian legal time with its zone (TI-4)."""
    legal = legal_time(instant)
    return f"{legal.day} {legal.time} ({legal.zone})"


class Renderer:
    """Writes reports to a console in one language."""

    def __init__(self, console: Console, words: Words, *, signs: bool = True) -> None:
        self._console = console
        self._words = words
        self._signs = _SIGNS if signs else _ASCII_SIGNS
        self._begun = False

    def missing(self, keys: tuple[str, ...]) -> None:
        """Say what was not given and what cannot be said for want of it."""
        for key in keys:
            self._print(Text(f"? {self._words('label', key)}", style="yellow"))
            self._begun = True

    def report(
        self, report: MessageReport, checks: tuple[HashCheck, ...] = (), *, extracted: str = "", level: int = 0
    ) -> None:
        """Write everything about one message, the hashes held against files, then the PEC messages inside it."""
        if self._begun and level == 0:
            self._console.print()
        self._begun = True
        for part in (*self._report(report), *self._hashes(checks)):
            self._print(part, level)
        if extracted:
            self._print(Text(f"  {self._words('label', 'extracted', folder=visible(extracted))}"), level)
        for nested in report.nested:
            self._print(Text(f"{self._words('label', 'nested')}:", style="bold"), level)
            self.report(nested, level=level + 1)
        if report.nested_cut:
            self._print(Text(f"? {self._words('label', 'nested_cut')}", style="yellow"), level)

    def _print(self, part: RenderableType, level: int = 0) -> None:
        """Write one part, indented, without the spaces that would fill its lines."""
        width = self._console.width
        with self._console.capture() as captured:
            self._console.print(Padding(part, (0, 0, 0, level * 2), expand=False), width=width)
        self._console.file.write(_FILLING.sub(r"\1", captured.get()))

    def line(self, report: MessageReport) -> None:
        """Write one message on one line: mark, verdict, name, what it is."""
        mark = self._mark(report)
        line = Text(f"{self._signs[mark]} {self._short_verdict(report)}", style=_STYLES[mark])
        line.append(f"  {visible(report.name)}  ", style="bold")
        line.append(self._what(report), style="default")
        self._console.print(line, soft_wrap=True)

    def _report(self, report: MessageReport) -> Iterator[RenderableType]:
        yield Text(visible(report.name), style="bold underline")
        yield Text(f"  {self._what(report)}")
        if report.fault:
            yield Text(f"  {visible(report.fault)}", style="red")
        seal = report.seal
        if seal is None or report.nature is Nature.ORDINARY:
            yield from self._ordinary(report)
            return
        yield Padding(self._verdict(report, seal), (0, 0, 0, 2), expand=False)
        yield self._proves(report)
        yield from self._signer(seal)
        yield self._indented("steps", self._steps("step", seal.steps))
        if report.form:
            yield self._indented("form", self._steps("form_step", report.form))
        yield from self._contradictions(report)
        if report.certification is not None:
            yield self._indented("certification", self._certification(report.certification, report))
        if report.deviations:
            lines = "\n".join(self._reason("deviation", code) for code in report.deviations)
            yield self._indented("deviations", Text(lines))
        if report.original is not None:
            yield self._indented("original", self._summary(report.original))

    def _what(self, report: MessageReport) -> str:
        words = self._words
        if report.row is None:
            return words("nature", report.nature)
        text = words("row", str(report.row.facts.number))
        return text if report.issued_receipt is None else f"{text} - {words('receipt', report.issued_receipt)}"

    def _mark(self, report: MessageReport) -> Mark:
        if report.valid:
            return Mark.PASSED
        undecided = report.seal is not None and report.seal.verdict is SealVerdict.INDETERMINATE
        return Mark.UNKNOWN if undecided and not report.wrong_in_form else Mark.FAILED

    def _short_verdict(self, report: MessageReport) -> str:
        """Return the verdict in capitals; a good seal on a message that is wrong in form is not enough."""
        if report.seal is None:
            return self._words("verdict", "unsigned")
        if report.wrong_in_form and report.seal.verdict in {*GOOD_VERDICTS, SealVerdict.INDETERMINATE}:
            return self._words("label", "irregular")
        return self._words("verdict", report.seal.verdict)

    def _verdict(self, report: MessageReport, seal: SealReport) -> RenderableType:
        words, mark = self._words, self._mark(report)
        lines = [Text(f"{self._signs[mark]} {self._short_verdict(report)}", style=_STYLES[mark])]
        if self._short_verdict(report) == words("label", "irregular"):
            lines.append(Text(words("label", "irregular_meaning"), style=_STYLES[mark]))
        lines.append(Text(words("verdict_meaning", seal.verdict)))
        remedy = words.find("verdict_remedy", seal.verdict)
        if remedy:
            lines.append(Text(f"{words('label', 'remedy')}: {remedy}"))
        return Group(*lines)

    def _ordinary(self, report: MessageReport) -> Iterator[RenderableType]:
        if report.nature is Nature.ORDINARY:
            yield Text(f"    {self._words('label', 'remedy')}: {self._words('verdict_remedy', 'unsigned')}")
        if report.summary is not None:
            yield Padding(self._summary(report.summary), (0, 0, 0, 4), expand=False)

    def _proves(self, report: MessageReport) -> RenderableType:
        line = Text(f"{self._words('label', 'proves')}: ", style="bold")
        line.append(self.proves(report), style="default")
        return Padding(line, (0, 0, 0, 2), expand=False)

    def proves(self, report: MessageReport) -> str:
        """Return the sentence that says what a message proves."""
        words = self._words
        seal = report.seal
        if report.row is None or seal is None:
            return words("proves", "nothing")
        facts = report.certification
        sentence = words("proves", str(report.row.facts.number), **self._values(facts, seal))
        if seal.good:
            return sentence
        if seal.verdict is SealVerdict.INDETERMINATE:
            return words("proves", "undecided", sentence=sentence)
        return words("proves", "nothing")

    def _values(self, facts: CertificationData | None, seal: SealReport) -> Mapping[str, str]:
        if facts is None:
            name = seal.provider or (seal.signer.subject if seal.signer else "?")
            return {"provider": visible(name)}
        recipient = facts.delivery_recipient
        return {
            "provider": visible(facts.issuer),
            "sender": visible(facts.original.sender.text),
            "date": written(facts.instant),
            "detail": _one_line(facts.error_detail or ""),
            "recipient": visible(recipient.text) if recipient else _addresses(facts.taken_recipients),
            "taken": _addresses(facts.taken_recipients),
        }

    def _signer(self, seal: SealReport) -> Iterator[RenderableType]:
        rows: list[tuple[str, str]] = []
        if seal.signer is not None:
            start, end = (legal_time(one).day for one in (seal.signer.not_before, seal.signer.not_after))
            valid = self._words("label", "valid_from_to", start=start, end=end)
            if seal.provider:
                rows.append(("sealed_by", visible(seal.provider)))
            rows.append(("certificate", f"{visible(seal.signer.subject)}; {valid}"))
        if seal.signing_time is not None:
            rows.append(("sealed_at", written(seal.signing_time)))
        if rows:
            yield Padding(self._grid(rows), (0, 0, 0, 4), expand=False)

    def _steps(self, section: str, steps: tuple[StepOutcome, ...]) -> RenderableType:
        """Show every step with its mark: those that tell something one a line, then the others in one list a mark."""
        parts: list[RenderableType] = []
        telling = Table.grid(padding=(0, 1))
        for step in steps:
            if step.mark not in _QUIET and step.reason != FormReason.TRANSACTION_UNKNOWN:  # true of every kept file
                said = Text(self._words("mark", step.mark), style=_STYLES[step.mark])
                said.append(self._because(step), style="default")
                telling.add_row(
                    Text(self._signs[step.mark], style=_STYLES[step.mark]),
                    Text(self._words(section, step.step)),
                    said,
                )
        if telling.row_count:
            parts.append(telling)
        for mark in (Mark.PASSED, Mark.NOT_REACHED):
            names = [self._words(section, step.step) for step in steps if step.mark is mark]
            if names:
                parts.append(self._list(mark, names))
        return Group(*parts)

    def _list(self, mark: Mark, names: list[str]) -> Table:
        table = Table.grid(padding=(0, 1))
        said = "" if mark is Mark.PASSED else f"{self._words('mark', mark)}: "
        table.add_row(Text(self._signs[mark], style=_STYLES[mark]), Text(said + ", ".join(names)))
        return table

    def _because(self, step: StepOutcome) -> str:
        """Return the reason with its evidence, to follow the word of the mark."""
        reason = f": {self._reason('reason', step.reason)}" if step.reason else ""
        facts = ", ".join(f"{name}: {visible(value)}" for name, value in step.evidence.items() if value)
        return f"{reason} [{facts}]" if facts else reason

    def _reason(self, section: str, code: str) -> str:
        return self._words.find(section, code) or code

    def _contradictions(self, report: MessageReport) -> Iterator[RenderableType]:
        if not report.contradictions:
            return
        lines = [
            self._words(
                "label",
                "disagree",
                subject=self._words("contradiction", one.subject),
                other=visible(one.other) or "-",
                certified=visible(one.certified) or "-",
            )
            for one in report.contradictions
        ]
        yield self._indented("contradictions", Text("\n".join(lines), style="red"))

    def _certification(self, facts: CertificationData, report: MessageReport) -> Table:
        original = facts.original
        recipients = ", ".join(
            f"{visible(one.address.text)} ({self._words('label', one.kind)})" for one in original.recipients
        )
        rows: list[tuple[str, str | None]] = [
            ("kind", facts.kind),
            ("error", facts.error if facts.error != "nessuno" else None),
            ("sender", visible(original.sender.text)),
            ("recipients", recipients),
            ("reply_to", visible(original.reply_to) if original.reply_to != original.sender.text else None),
            ("subject", visible(original.subject) if original.subject is not None else self._no_subject()),
            ("issuer", visible(facts.issuer)),
            ("instant", written(facts.instant)),
            ("identifier", visible(original.identifier)),
            ("client_message_id", visible(original.client_message_id) if original.client_message_id else None),
            ("requested_receipt", facts.requested_receipt),
            ("issued_receipt", self._issued(report.issued_receipt)),
            ("delivery_recipient", visible(facts.delivery_recipient.text) if facts.delivery_recipient else None),
            ("taken_recipients", _addresses(facts.taken_recipients) or None),
            ("error_detail", _one_line(facts.error_detail) if facts.error_detail else None),
        ]
        return self._grid([(label, value) for label, value in rows if value is not None])

    def _issued(self, kind: ReceiptKind | None) -> str | None:
        return None if kind is None else kind.value

    def _no_subject(self) -> str:
        return self._words("label", "no_subject")

    def _summary(self, summary: MessageSummary) -> Table:
        rows = [
            ("from", visible(summary.sender or "-")),
            ("subject", visible(summary.subject) if summary.subject else self._no_subject()),
            ("date", visible(summary.date or "-")),
        ]
        if summary.attachments:
            names = [
                f"{visible(one.name or one.media_type)} ({self._words('label', 'octets', size=one.octets)})"
                for one in summary.attachments
            ]
            rows.append(("attachments", ", ".join(names)))
        return self._grid(rows)

    def _grid(self, rows: list[tuple[str, str]]) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in rows:
            table.add_row(Text(self._words("label", label), style="dim"), Text(value))
        return table

    def _indented(self, label: str, body: RenderableType) -> RenderableType:
        title = Text(f"  {self._words('label', label)}:", style="bold")
        return Group(title, Padding(body, (0, 0, 0, 4), expand=False))

    def _hashes(self, checks: tuple[HashCheck, ...]) -> Iterator[RenderableType]:
        if not checks:
            return
        table = Table.grid(padding=(0, 1))
        for check in checks:
            mark = Mark.FAILED if check.file is None else Mark.PASSED
            found = self._words("label", "no_file") if check.file is None else f"= {visible(check.file)}"
            table.add_row(Text(self._signs[mark], style=_STYLES[mark]), visible(check.name), check.digest, found)
        yield self._indented("hashes", table)

    def stories(self, stories: tuple[Story, ...]) -> None:
        """Write the transactions that the messages make up together."""
        self._console.print()
        self._print(Text(self._words("label", "transactions"), style="bold underline"))
        for story in stories:
            for part in self._story(story):
                self._print(part)

    def _story(self, story: Story) -> Iterator[RenderableType]:
        subject = visible(story.subject) if story.subject is not None else self._no_subject()
        yield Text(f"  {self._words('label', 'transaction', identifier=visible(story.identifier))}", style="bold")
        yield Text(f"    {visible(story.sender.text)}: {subject}")
        for recipient in story.recipients:
            style = _OUTCOME_STYLES.get(recipient.outcome, "default")
            line = Text(f"    {visible(recipient.address.text)}  ")
            line.append(self._words("outcome", recipient.outcome), style=style)
            yield line
            yield Padding(self._events(recipient.events), (0, 0, 0, 6), expand=False)
        if story.inconsistent:
            names = ", ".join(visible(name) for name in story.inconsistent)
            yield Text(f"    {self._words('label', 'inconsistent', names=names)}", style="bold red")

    def _events(self, events: tuple[Event, ...]) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for event in events:
            proof = "" if event.proven else f" ({self._words('label', 'unproven')})"
            detail = f": {_one_line(event.detail)}" if event.detail else ""
            issuer = "" if event.issuer in event.detail else f" - {visible(event.issuer)}"
            what = f"{self._words('outcome', event.outcome)}{detail}{issuer}{proof}"
            table.add_row(Text(written(event.instant), style="dim"), Text(what))
        return table

    def summary(self, reports: list[MessageReport]) -> None:
        """Write the last line: how many are valid."""
        valid = sum(report.valid for report in reports)
        style = "green" if valid == len(reports) else "yellow"
        self._console.print()
        self._print(Text(self._words("label", "summary", valid=valid, total=len(reports)), style=style))


def _addresses(addresses: tuple[Address, ...]) -> str:
    return ", ".join(visible(address.text) for address in addresses)


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))
