"""Reports as JSON: stable, documented by `report.schema.json` beside this file (`pec verify --json`).

Codes stay codes (verdicts, marks, reasons): a program reads them, and their sentences are for
people. A field is never renamed or dropped without a new `version`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from ceralacca.apps.cli.originals import HashCheck
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.outcome import CertificateFacts, SealReport, StepOutcome
from ceralacca.core.story import Event, Story
from ceralacca.formats.message_summary import MessageSummary
from ceralacca.services.verify_message import MessageReport

VERSION = 1

Json = dict[str, Any]


def document(
    reports: Iterable[MessageReport],
    stories: Iterable[Story],
    *,
    missing: Iterable[str],
    checks: Mapping[str, Iterable[HashCheck]],
    extracted: Mapping[str, str],
    unreadable: Mapping[str, str],
) -> Json:
    """Return the whole answer of one run.

    `checks` are the hashes held against files and `extracted` the folders written, by message name;
    `unreadable` says why, by file name.
    """
    return {
        "version": VERSION,
        "missing": list(missing),
        "unreadable": [{"name": name, "fault": fault} for name, fault in unreadable.items()],
        "messages": [message(report) for report in reports],
        "transactions": [transaction(story) for story in stories],
        "hashes": [
            {"message": name, "name": one.name, "digest": one.digest, "file": one.file, "form": one.form}
            for name, found in checks.items()
            for one in found
        ],
        "extracted": [{"message": name, "folder": folder} for name, folder in extracted.items()],
    }


def schema_text() -> str:
    """Return the JSON schema of the answer."""
    return resources.files(__package__).joinpath("report.schema.json").read_text("utf-8")


def message(report: MessageReport) -> Json:
    """Return one message."""
    return {
        "name": report.name,
        "octets": report.octets,
        "nature": report.nature,
        "valid": report.valid,
        "fault": report.fault,
        "row": report.row.facts.number if report.row else None,
        "kind": report.row.name.lower() if report.row else None,
        "issued_receipt": report.issued_receipt,
        "seal": _seal(report.seal) if report.seal else None,
        "form": [_step(step) for step in report.form],
        "contradictions": [
            {"subject": one.subject, "certified": one.certified, "other": one.other} for one in report.contradictions
        ],
        "certification": _certification(report.certification) if report.certification else None,
        "certification_fault": report.certification_fault,
        "deviations": list(report.deviations),
        "summary": _summary(report.summary) if report.summary else None,
        "original": _summary(report.original) if report.original else None,
        "nested": [message(nested) for nested in report.nested],
        "nested_cut": report.nested_cut,
    }


def transaction(story: Story) -> Json:
    """Return one transaction with the outcome for each recipient."""
    return {
        "identifier": story.identifier,
        "client_message_id": story.client_message_id,
        "sender": story.sender.text,
        "subject": story.subject,
        "messages": list(story.witnesses),
        "inconsistent": list(story.inconsistent),
        "recipients": [
            {
                "address": one.address.text,
                "kind": one.kind,
                "outcome": one.outcome,
                "events": [_event(event) for event in one.events],
            }
            for one in story.recipients
        ],
    }


def _event(event: Event) -> Json:
    return {
        "instant": _instant(event.instant),
        "outcome": event.outcome,
        "issuer": event.issuer,
        "detail": event.detail,
        "message": event.witness,
        "proven": event.proven,
    }


def _seal(seal: SealReport) -> Json:
    return {
        "verdict": seal.verdict,
        "reason": seal.reason,
        "signing_time": _instant(seal.signing_time),
        "judged_at": _instant(seal.verified_at),
        "digest_algorithm": seal.digest_algorithm,
        "provider": seal.provider,
        "signer": _certificate(seal.signer) if seal.signer else None,
        "steps": [_step(step) for step in seal.steps],
    }


def _certificate(facts: CertificateFacts) -> Json:
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "sha1": facts.sha1,
        "sha256": facts.sha256,
        "not_before": _instant(facts.not_before),
        "not_after": _instant(facts.not_after),
        "addresses": list(facts.addresses),
        "key": facts.key,
    }


def _step(step: StepOutcome) -> Json:
    return {
        "step": step.step,
        "mark": step.mark,
        "requirements": list(step.requirements),
        "reason": step.reason,
        "evidence": dict(step.evidence),
    }


def _certification(facts: CertificationData) -> Json:
    original = facts.original
    return {
        "kind": facts.kind,
        "error": facts.error,
        "sender": original.sender.text,
        "recipients": [{"address": one.address.text, "kind": one.kind} for one in original.recipients],
        "reply_to": original.reply_to,
        "subject": original.subject,
        "issuer": facts.issuer,
        "instant": _instant(facts.instant),
        "identifier": original.identifier,
        "client_message_id": original.client_message_id,
        "requested_receipt": facts.requested_receipt,
        "delivery_recipient": facts.delivery_recipient.text if facts.delivery_recipient else None,
        "taken_recipients": [address.text for address in facts.taken_recipients],
        "error_detail": facts.error_detail,
    }


def _summary(summary: MessageSummary) -> Json:
    return {
        "subject": summary.subject,
        "from": summary.sender,
        "to": summary.recipients,
        "date": summary.date,
        "message_id": summary.message_id,
        "limit_passed": summary.limit_passed,
        "attachments": [
            {"name": one.name, "media_type": one.media_type, "encoding": one.encoding, "octets": one.octets}
            for one in summary.attachments
        ],
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
