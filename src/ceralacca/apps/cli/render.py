"""Reports as a person reads them on a terminal, in English or Italian.

Everything that comes out of a message passes `visible` first: no control character of somebody
else reaches the terminal. Marks are words as well as signs, so that nothing depends on colour.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TextIO

from ceralacca.apps.cli.originals import HashCheck
from ceralacca.apps.cli.page import Page, Run
from ceralacca.apps.cli.safe_names import visible
from ceralacca.apps.cli.words import Words
from ceralacca.base.instants import legal_time
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.outcome import GOOD_VERDICTS, Mark, SealReport, SealVerdict, StepOutcome
from ceralacca.core.story import Event, RecipientOutcome, Story
from ceralacca.formats.message_summary import MessageSummary
from ceralacca.lint.reason import FormReason
from ceralacca.services.verify_message import MessageReport, Nature

_SIGNS = {Mark.PASSED: "✔", Mark.TOLERATED: "≈", Mark.FAILED: "✘", Mark.UNKNOWN: "?", Mark.NOT_REACHED: "·"}
_ASCII_SIGNS = {Mark.PASSED: "+", Mark.TOLERATED: "~", Mark.FAILED: "X", Mark.UNKNOWN: "?", Mark.NOT_REACHED: "."}
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
_STEP = 2
"""Columns of one level of indentation."""


def written(instant: datetime) -> str:
    """Write an instant as PEC texts do: Italian legal time with its zone (TI-4)."""
    legal = legal_time(instant)
    return f"{legal.day} {legal.time} ({legal.zone})"


class Renderer:
    """Writes reports to a page in one language."""

    def __init__(self, page: Page, words: Words, *, signs: bool = True, begun: bool = False) -> None:
        self._page = page
        self._words = words
        self._signs = _SIGNS if signs else _ASCII_SIGNS
        self._begun = begun

    def missing(self, keys: tuple[str, ...]) -> None:
        """Say what was not given and what cannot be said for want of it."""
        for key in keys:
            self._page.line(Run(f"? {self._label(key)}", "yellow"), hang=_STEP)
            self._begun = True

    def aside(self, stream: TextIO) -> "Renderer":
        """Return a renderer like this one that writes, as after something else, what is to be handed on."""
        return Renderer(self._page.like(stream), self._words, signs=self._signs is _SIGNS, begun=True)

    def hand_on(self, text: str) -> None:
        """Write what was written of a message aside."""
        self._page.verbatim(text if self._begun else text.removeprefix("\n"))
        self._begun = True

    def line(self, report: MessageReport) -> None:
        """Write one message on one line, however long: mark, verdict, name, what it is."""
        mark = self._mark(report)
        self._page.line(
            Run(f"{self._signs[mark]} {self._verdict_word(report)}", _STYLES[mark]),
            Run(f"  {visible(report.name)}  ", "bold"),
            Run(self._what(report)),
            wrap=False,
        )
        self._begun = True

    def report(
        self, report: MessageReport, checks: tuple[HashCheck, ...] = (), *, extracted: str = "", level: int = 0
    ) -> None:
        """Write everything about one message, the hashes held against files, then the PEC messages inside it."""
        indent = level * _STEP
        if self._begun and level == 0:
            self._page.gap()
        self._begun = True
        self._page.line(Run(visible(report.name), "bold underline"), indent=indent)
        self._body(report, indent + _STEP)
        self._hashes(checks, indent + _STEP)
        if extracted:
            self._page.line(Run(self._label("extracted", folder=visible(extracted))), indent=indent + _STEP)
        for nested in report.nested:
            self._page.line(Run(f"{self._label('nested')}:", "bold"), indent=indent)
            self.report(nested, level=level + 1)
        if report.nested_cut:
            self._page.line(Run(f"? {self._label('nested_cut')}", "yellow"), indent=indent)

    def _body(self, report: MessageReport, indent: int) -> None:
        self._page.line(Run(self._what(report)), indent=indent)
        if report.fault:
            self._page.line(Run(visible(report.fault), "red"), indent=indent)
        seal = report.seal
        if seal is None or report.nature is Nature.ORDINARY:
            self._ordinary(report, indent)
            return
        self._verdict(report, seal, indent)
        self._page.line(Run(f"{self._label('proves')}: ", "bold"), Run(self.proves(report)), indent=indent)
        self._signer(seal, indent + _STEP)
        self._steps("steps", "step", seal.steps, indent)
        self._steps("form", "form_step", report.form, indent)
        self._contradictions(report, indent)
        if report.certification is not None:
            self._title("certification", indent)
            self._certification(report.certification, report, indent + _STEP)
        if report.deviations:
            self._title("deviations", indent)
            for code in report.deviations:
                self._page.line(Run(self._reason("deviation", code)), indent=indent + _STEP)
        if report.original is not None:
            self._title("original", indent)
            self._summary(report.original, indent + _STEP)

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

    def _is_irregular(self, report: MessageReport) -> bool:
        """Tell whether form is what is wrong: a good seal on a message that contradicts itself is not enough."""
        undamaged = {*GOOD_VERDICTS, SealVerdict.INDETERMINATE}
        return report.wrong_in_form and report.seal is not None and report.seal.verdict in undamaged

    def _verdict_word(self, report: MessageReport) -> str:
        if self._is_irregular(report):
            return self._label("irregular")
        return self._words("verdict", report.seal.verdict if report.seal else SealVerdict.UNSIGNED)

    def _verdict(self, report: MessageReport, seal: SealReport, indent: int) -> None:
        mark = self._mark(report)
        style = _STYLES[mark]
        self._page.line(Run(f"{self._signs[mark]} {self._verdict_word(report)}", style), indent=indent)
        if self._is_irregular(report):
            self._page.line(Run(self._label("irregular_meaning"), style), indent=indent)
        self._page.line(Run(self._words("verdict_meaning", seal.verdict)), indent=indent)
        self._remedy(seal.verdict, indent)

    def _remedy(self, verdict: SealVerdict, indent: int) -> None:
        remedy = self._words.find("verdict_remedy", verdict)
        if remedy:
            self._page.line(Run(f"{self._label('remedy')}: ", "bold"), Run(remedy), indent=indent)

    def _ordinary(self, report: MessageReport, indent: int) -> None:
        if report.nature is Nature.ORDINARY:
            self._remedy(SealVerdict.UNSIGNED, indent)
        if report.summary is not None:
            self._summary(report.summary, indent + _STEP)

    def proves(self, report: MessageReport) -> str:
        """Return the sentence that says what a message proves."""
        words = self._words
        seal = report.seal
        if report.row is None or seal is None:
            return words("proves", "nothing")
        facts = report.certification
        sentence = words("proves", str(report.row.facts.number), **_values(facts, seal))
        if seal.good:
            return sentence
        if seal.verdict is SealVerdict.INDETERMINATE:
            return words("proves", "undecided", sentence=sentence)
        return words("proves", "nothing")

    def _signer(self, seal: SealReport, indent: int) -> None:
        rows: list[tuple[str, str]] = []
        if seal.signer is not None:
            start, end = (legal_time(one).day for one in (seal.signer.not_before, seal.signer.not_after))
            if seal.provider:
                rows.append(("sealed_by", visible(seal.provider)))
            valid = self._label("valid_from_to", start=start, end=end)
            rows.append(("certificate", f"{visible(seal.signer.subject)}; {valid}"))
        if seal.signing_time is not None:
            rows.append(("sealed_at", written(seal.signing_time)))
        self._grid(rows, indent)

    def _steps(self, title: str, section: str, steps: tuple[StepOutcome, ...], indent: int) -> None:
        """Show every step with its mark: those that tell something one a line, then the others in one list a mark."""
        if not steps:
            return
        self._title(title, indent)
        telling = [
            (
                self._sign(step.mark),
                Run(self._words(section, step.step)),
                Run(f"{self._words('mark', step.mark)}{self._because(step)}", _STYLES[step.mark]),
            )
            for step in steps
            if step.mark not in _QUIET and step.reason != FormReason.TRANSACTION_UNKNOWN  # true of every kept file
        ]
        self._page.grid(telling, indent=indent + _STEP)
        for mark in (Mark.PASSED, Mark.NOT_REACHED):
            names = [self._words(section, step.step) for step in steps if step.mark is mark]
            if names:
                said = "" if mark is Mark.PASSED else f"{self._words('mark', mark)}: "
                self._page.grid([(self._sign(mark), Run(said + ", ".join(names)))], indent=indent + _STEP)

    def _because(self, step: StepOutcome) -> str:
        """Return the reason with its evidence, to follow the word of the mark."""
        reason = f": {self._reason('reason', step.reason)}" if step.reason else ""
        facts = ", ".join(f"{name}: {visible(value)}" for name, value in step.evidence.items() if value)
        return f"{reason} [{facts}]" if facts else reason

    def _contradictions(self, report: MessageReport, indent: int) -> None:
        if report.contradictions:
            self._title("contradictions", indent)
        for one in report.contradictions:
            line = self._label(
                "disagree",
                subject=self._words("contradiction", one.subject),
                other=visible(one.other) or "-",
                certified=visible(one.certified) or "-",
            )
            self._page.line(Run(line, "red"), indent=indent + _STEP, hang=_STEP)

    def _certification(self, facts: CertificationData, report: MessageReport, indent: int) -> None:
        original = facts.original
        recipients = ", ".join(f"{visible(one.address.text)} ({self._label(one.kind)})" for one in original.recipients)
        rows: list[tuple[str, str | None]] = [
            ("kind", facts.kind),
            ("error", facts.error if facts.error != "nessuno" else None),
            ("sender", visible(original.sender.text)),
            ("recipients", recipients),
            ("reply_to", visible(original.reply_to) if original.reply_to != original.sender.text else None),
            ("subject", self._subject(original.subject)),
            ("issuer", visible(facts.issuer)),
            ("instant", written(facts.instant)),
            ("identifier", visible(original.identifier)),
            ("client_message_id", visible(original.client_message_id or "")),
            ("requested_receipt", facts.requested_receipt),
            ("issued_receipt", report.issued_receipt),
            ("delivery_recipient", visible(facts.delivery_recipient.text) if facts.delivery_recipient else None),
            ("taken_recipients", _addresses(facts.taken_recipients)),
            ("error_detail", _one_line(facts.error_detail or "")),
        ]
        self._grid([(label, value) for label, value in rows if value], indent)

    def _subject(self, subject: str | None) -> str:
        return visible(subject) if subject else self._label("no_subject")

    def _summary(self, summary: MessageSummary, indent: int) -> None:
        rows = [
            ("from", visible(summary.sender or "-")),
            ("subject", self._subject(summary.subject)),
            ("date", visible(summary.date or "-")),
        ]
        if summary.attachments:
            names = [
                f"{visible(one.name or one.media_type)} ({self._label('octets', size=one.octets)})"
                for one in summary.attachments
            ]
            rows.append(("attachments", ", ".join(names)))
        self._grid(rows, indent)

    def _hashes(self, checks: tuple[HashCheck, ...], indent: int) -> None:
        if checks:
            self._title("hashes", indent)
        rows = []
        for check in checks:
            found = self._label("no_file") if check.file is None else f"= {visible(check.file)}"
            mark = Mark.FAILED if check.file is None else Mark.PASSED
            rows.append((self._sign(mark), Run(visible(check.name)), Run(check.digest), Run(found)))
        self._page.grid(rows, indent=indent + _STEP)

    def stories(self, stories: Iterable[Story]) -> None:
        """Write the transactions that the messages make up together."""
        self._page.gap()
        self._page.line(Run(self._label("transactions"), "bold underline"))
        for story in stories:
            self._story(story)

    def _story(self, story: Story) -> None:
        page = self._page
        page.line(Run(self._label("transaction", identifier=visible(story.identifier)), "bold"), indent=_STEP)
        page.line(Run(f"{visible(story.sender.text)}: {self._subject(story.subject)}"), indent=2 * _STEP)
        for recipient in story.recipients:
            outcome = Run(self._words("outcome", recipient.outcome), _OUTCOME_STYLES.get(recipient.outcome, ""))
            page.line(Run(f"{visible(recipient.address.text)}  "), outcome, indent=2 * _STEP)
            page.grid([self._event(event) for event in recipient.events], indent=3 * _STEP, gap=2)
        if story.inconsistent:
            names = ", ".join(visible(name) for name in story.inconsistent)
            page.line(Run(self._label("inconsistent", names=names), "bold red"), indent=2 * _STEP)

    def _event(self, event: Event) -> tuple[Run, Run]:
        proof = "" if event.proven else f" ({self._label('unproven')})"
        detail = f": {_one_line(event.detail)}" if event.detail else ""
        issuer = "" if event.issuer in event.detail else f" - {visible(event.issuer)}"
        return Run(written(event.instant), "dim"), Run(
            f"{self._words('outcome', event.outcome)}{detail}{issuer}{proof}"
        )

    def summary(self, *, valid: int, total: int) -> None:
        """Write the last line: how many are valid."""
        style = "green" if valid == total else "yellow"
        self._page.gap()
        self._page.line(Run(self._label("summary", valid=valid, total=total), style))

    def _title(self, label: str, indent: int) -> None:
        self._page.line(Run(f"{self._label(label)}:", "bold"), indent=indent)

    def _grid(self, rows: list[tuple[str, str]], indent: int) -> None:
        self._page.grid([(Run(self._label(label), "dim"), Run(value)) for label, value in rows], indent=indent, gap=2)

    def _sign(self, mark: Mark) -> Run:
        return Run(self._signs[mark], _STYLES[mark])

    def _label(self, key: str, **values: object) -> str:
        return self._words("label", key, **values)

    def _reason(self, section: str, code: str) -> str:
        return self._words.find(section, code) or code


def _values(facts: CertificationData | None, seal: SealReport) -> Mapping[str, str]:
    """Return what the sentence of a message is filled with."""
    if facts is None:
        return {"provider": visible(seal.provider or (seal.signer.subject if seal.signer else "?"))}
    recipient = facts.delivery_recipient
    return {
        "provider": visible(facts.issuer),
        "sender": visible(facts.original.sender.text),
        "date": written(facts.instant),
        "detail": _one_line(facts.error_detail or ""),
        "recipient": visible(recipient.text) if recipient else _addresses(facts.taken_recipients),
        "taken": _addresses(facts.taken_recipients),
    }


def _addresses(addresses: tuple[Address, ...]) -> str:
    return ", ".join(visible(address.text) for address in addresses)


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))
