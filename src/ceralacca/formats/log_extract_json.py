"""The extract of the log for programs: JSON whose form is `log_extract.schema.json` beside this file (LO-8).

Every instant stands twice: in UTC, and in legal time with its offset as the receipts show it (TI-3). The octets are the
same for the same extract, since they are what is signed.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from ceralacca.base.instants import legal_time
from ceralacca.core.log_consistency import Numbered
from ceralacca.core.log_extract import Extract, ExtractedTransaction, KeptReceipt, RecipientResult

FORMAT = "ceralacca-log-extract"
VERSION = 1

Plain = dict[str, Any]


def schema() -> str:
    """Return the JSON Schema of an extract."""
    return resources.files(__package__).joinpath("log_extract.schema.json").read_text("utf-8")


def write_extract(extract: Extract) -> bytes:
    """Return the extract as JSON in UTF-8, one line for a person to look at where it helps."""
    return (json.dumps(plain_extract(extract), ensure_ascii=False, indent=1) + "\n").encode()


def plain_extract(extract: Extract) -> Plain:
    """Return the extract as JSON has it."""
    selection = extract.selection
    return {
        "format": FORMAT,
        "version": VERSION,
        "reference": extract.reference,
        "provider": extract.provider,
        "made": when(extract.made),
        "purpose": extract.purpose,
        "mailbox": selection.mailbox.text,
        "since": when(selection.since),
        "until": when(selection.until),
        "message": selection.identifier,
        "rows": extract.rows,
        "transactions": [_transaction(one) for one in extract.transactions],
        "ordinary": [_event(one) for one in extract.ordinary],
    }


def when(instant: datetime | None) -> Plain | None:
    """Return an instant as JSON has it: in UTC and in legal time."""
    if instant is None:
        return None
    legal = legal_time(instant)
    return {
        "utc": f"{instant.isoformat(timespec='seconds').replace('+00:00', 'Z')}",
        "legal": f"{legal.day} {legal.time} ({legal.zone})",
    }


def _transaction(one: ExtractedTransaction) -> Plain:
    return {
        "identifier": one.identifier,
        "msgid": one.client_message_id,
        "sender": one.sender.text if one.sender else None,
        "subject": one.subject,
        "as": [role for role, has in (("sender", one.as_sender), ("recipient", one.as_recipient)) if has],
        "recipients": [_recipient(each) for each in one.recipients],
        "events": [_event(each) for each in one.events],
        "receipts": [_receipt(each) for each in one.receipts],
    }


def _recipient(one: RecipientResult) -> Plain:
    return {
        "address": one.address.text,
        "kind": one.kind.value,
        "outcome": one.outcome.value,
        "instant": when(one.instant),
        "detail": one.detail,
    }


def _event(numbered: Numbered) -> Plain:
    number, row = numbered
    fields: Mapping[str, object] = {
        "number": number,
        "instant": when(row.instant),
        "event": row.event.value,
        "kind": row.kind,
        "concerned": [address.text for address in row.concerned],
        "error": row.error,
        "error_detail": row.error_detail,
        "message_id": row.message_id,
        "provider": row.provider,
        "peer": row.peer,
        "tls": row.tls,
        "said": row.detail,
    }
    return {name: value for name, value in fields.items() if value or name in {"number", "instant", "event"}}


def _receipt(one: KeptReceipt) -> Plain:
    return {"message_id": one.message_id, "kept": one.kept.value, "sha256": one.sha256 or None, "size": one.size}
