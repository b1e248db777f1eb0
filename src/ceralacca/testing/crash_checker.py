"""The checker of crash campaigns: holds what is left, from outside, against the invariants of ARCHITECTURE.md.

`always` holds at any instant, in the middle of a flow and a moment after a power cut; `at_rest` holds
once nobody has anything left to do. Each returns what it found broken, in words; nothing is the goal.

Serves: invariants 1 to 10 of ARCHITECTURE.md; AP-25, AP-26, DP-1 to DP-4, IP-20, IP-21, LO-3, TI-10, VI-1.
"""

import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from ceralacca.core.delivery_point import Timeout
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.testing.authority import pem
from ceralacca.testing.crash_evidence import ANSWERS, Books, Evidence, Held, Row, Signed, Told, addresses, signed
from ceralacca.testing.crash_flows import UNSEEN, Mail
from ceralacca.testing.paper_cast import VIRUS_MARK, Cast
from ceralacca.trust.verifier import JudgedAt, verify_seal

Found = Iterator[str]
Rule = Callable[[Evidence], Found]

_STORED: Final = frozenset(MessageClass)
"""What a row of a delivery says of anything but an envelope: then it was stored by it, not made."""
_TO_HOLDERS: Final = "-/notice:"
"""How keys of letters begin that tell a holder of something by ordinary mail."""
_ENVELOPE, _DELIVERY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY
_OPEN: Final = {
    RecipientState.DISPATCHED: ("12", "24"),
    RecipientState.WARNED: ("24",),
    RecipientState.TAKEN: ("24",),
}
"""States that wait for something, and the timers that must run then (TI-6, AM-8)."""


def always(evidence: Evidence) -> list[str]:
    """Return what is broken at any instant."""
    return [f"{rule.__name__}: {words}" for rule in _ALWAYS for words in rule(evidence)]


def at_rest(evidence: Evidence, cast: Cast) -> list[str]:
    """Return what is broken once everything has been done."""
    found = [f"{rule.__name__}: {words}" for rule in (*_ALWAYS, *_AT_REST) for words in rule(evidence)]
    return found + [f"seals: {words}" for words in _seals(evidence, cast)]


# -- at any instant ----------------------------------------------------------------------------------------


def what_was_answered_is_there(evidence: Evidence) -> Found:
    """Invariant 10: `250` after DATA, and the message is stored once; nobody's message is stored twice."""
    for told in evidence.told:
        count = len(_home(evidence, told.mail).of("inbound", digest=sha256(told.mail.octets).hexdigest()))
        if count > 1 or (told.code == 250 and count != 1):
            yield f"{told.mail.name} was answered {told.code} and is stored {count} times"


def octets_are_whole(evidence: Evidence) -> Found:
    """Every row that names octets has them, whole."""
    for books in evidence.both:
        for table in ("inbound", "letter", "infected"):
            for row in books.tables[table]:
                if books.octets(row["digest"]) is None:
                    yield f"{books.name}: {table} {row['key']} has no octets"


def signed_once(evidence: Evidence) -> Found:
    """Invariant 5: one object for each transaction, row and recipient, wherever copies of it are."""
    groups: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for one in evidence.objects():
        if one.about:
            groups[one.about].add(one.digest)
    for about, digests in groups.items():
        if len(digests) > 1:
            yield f"{len(digests)} different ones of {about[:3]}"


def receipt_means_message(evidence: Evidence) -> Found:
    """Invariant 3: a delivery receipt is there, so its message lies in the mailbox, once and unchanged."""
    envelopes = {one.identifier: one for one in _letters(evidence.alfa) if one.row is _ENVELOPE}
    for receipt in _of(evidence, _DELIVERY):
        assert receipt.facts is not None, "it has a row"
        assert receipt.facts.delivery_recipient is not None, "a delivery receipt is about somebody"
        box = _box(evidence, receipt.facts.delivery_recipient.key)
        found = [held for held in box if _is(held, _ENVELOPE, receipt.identifier)]
        if len(found) != 1:
            yield f"{receipt.identifier} is {len(found)} times in the mailbox of its delivery receipt"
        elif receipt.identifier not in envelopes:
            yield f"{receipt.identifier} has a delivery receipt, and its envelope is not where it was sealed"
        elif found[0].octets != envelopes[receipt.identifier].octets:
            yield f"{receipt.identifier} is not in the mailbox as it was sent"


def mailboxes_are_whole(evidence: Evidence) -> Found:
    """What a holder sees is whole, sealed by somebody, there once, and harmless (invariants 3, 8)."""
    for books in evidence.both:
        for address, box in books.boxes.items():
            for one, count in Counter(held.signed for held in box).items():
                if count > 1:
                    yield f"{address} has the same message {count} times"
                if VIRUS_MARK in one.octets:
                    yield f"{address} has infected content"
                if not _is_sealed(one):
                    yield f"{address} has a message of {len(one.octets)} octets that is no PEC message"


def open_states_have_timers(evidence: Evidence) -> Found:
    """TI-10: whoever waits for a receipt has the timers that end the waiting; whoever does not has none."""
    for books in evidence.both:
        jobs = {row["key"] for row in books.tables["job"]}
        for row in books.tables["recipient_state"]:
            wanted = _OPEN.get(RecipientState(row["state"]), ())
            keys = {timer: f"deadline:{row['identifier']}:{row['recipient_key']}:{timer}" for timer in ("12", "24")}
            running = tuple(timer for timer, key in keys.items() if key in jobs)
            if running != wanted:
                yield f"{row['identifier']} is {row['state']} and has the timers {running}"


def log_tells_the_states(evidence: Evidence) -> Found:
    """Invariant 6: the log alone, read in order, leads to the very states that the tables hold."""
    for books in evidence.both:
        for row in books.tables["recipient_state"]:
            told = _state_by_log(books, row)
            if told != RecipientState(row["state"]):
                yield f"{row['identifier']} is {row['state']}, its log says {told}"


def letters_are_logged_once(evidence: Evidence) -> Found:
    """LO-3: every generated message has one row that says that it was made; a notice to a holder is none of PEC."""
    issued = {
        "acceptance", "non-acceptance", "envelope-sent", "taking-in-charge-issued", "anomaly", "virus-detection-issued",
        "delivery", "delivery-failure", "notice-issued",
    }  # fmt: skip
    for books in evidence.both:
        rows = (row for row in books.tables["log_row"] if row["event"] in issued)
        made = Counter(row["message_id"] for row in rows if row["detail"] not in _STORED)
        for row in books.tables["letter"]:
            if not row["key"].startswith(_TO_HOLDERS) and made[row["message_id"]] != 1:
                yield f"{books.name}: letter {row['key']} has {made[row['message_id']]} rows of its making"
        for row in books.tables["fate"]:
            count = len(_rows(books, row["identifier"], row["recipient_key"], "delivery", "delivery-failure"))
            count += len(_rows(books, row["identifier"], row["recipient_key"], "virus-detection-issued"))
            if count != 1:
                yield f"{books.name}: fate of {row['identifier']} has {count} rows"


def nothing_is_forgotten(evidence: Evidence) -> Found:
    """What came in is a job, or has left its rows in the log."""
    for books in evidence.both:
        jobs = {row["payload"] for row in books.tables["job"]}
        arrivals = Counter(row["message_id"] for row in books.tables["log_row"] if row["event"] == "arrival")
        for row in books.of("inbound", point="incoming"):
            octets = books.octets(row["digest"]) or b""
            received = signed(octets).received
            said = (received.outer.message_id or "") if received else ""
            if not any(f'"{row["key"]}"' in payload for payload in jobs) and not arrivals[said]:
                yield f"{books.name}: {row['key']} came in and nobody has it"


# -- at rest -----------------------------------------------------------------------------------------------


def nothing_is_left_to_do(evidence: Evidence) -> Found:
    """No job is left: all of them led to something."""
    for books in evidence.both:
        for row in books.tables["job"]:
            yield f"{books.name}: {row['key']} is left, {row['note'] or 'without a note'}"


def submissions_have_one_answer(evidence: Evidence) -> Found:
    """Invariant 1: acceptance or non-acceptance, exactly one, in the author's mailbox once."""
    answers = [one for one in evidence.objects() if one.row in ANSWERS]
    for told in evidence.told:
        if told.mail.ordinary or not _is_stored(evidence, told):
            continue
        mine = [one for one in answers if _names(one, told.mail)]
        assert told.mail.sender is not None, "a holder has an address"
        seen = [held for held in _box(evidence, told.mail.sender.key) if held.signed in mine]
        if len(mine) != 1 or len(seen) != 1:
            yield f"{told.mail.name} has {len(mine)} answers, of which its author sees {len(seen)}"
        elif (mine[0].row is MessageRow.ACCEPTANCE) != _to_be_accepted(told.mail):
            yield f"{told.mail.name} was answered {mine[0].row}"


def recipients_have_one_outcome(evidence: Evidence) -> Found:
    """Invariant 2: for each PEC recipient of an accepted message one final outcome, and its author sees it."""
    for row in evidence.alfa.tables["recipient_state"]:
        state = RecipientState(row["state"])
        if state is RecipientState.SENT_EXTERNAL:
            continue
        if not state.is_final:
            yield f"{row['identifier']} is {state} for ever"
        author = evidence.alfa.of("sent_message", identifier=row["identifier"])[0]["sender"].lower()
        box = [held.signed for held in _box(evidence, author)]
        final = [one for one in box if _is_final_for(one, row)]
        warnings = [one for one in box if _is_about(one, row) and _is_twelve_hours(one)]
        if len(final) != 1 or len(warnings) > 1:
            yield f"{row['identifier']}: its author sees {len(final)} outcomes and {len(warnings)} warnings"


def message_means_receipt(evidence: Evidence) -> Found:
    """Invariant 3, the reverse: an envelope in a mailbox has its delivery receipt."""
    receipts = {(one.identifier, _recipient(one)) for one in _of(evidence, _DELIVERY)}
    for books in evidence.both:
        for address, box in books.boxes.items():
            for one in (held.signed for held in box):
                if one.row is _ENVELOPE and (one.identifier, address) not in receipts:
                    yield f"{one.identifier} is in a mailbox and has no delivery receipt"


def who_asked_is_told(evidence: Evidence) -> Found:
    """A holder who asked for it hears that certified messages came: not never, and one letter for each notice."""
    for books in evidence.both:
        letters = Counter(row["key"] for row in books.tables["letter"] if row["key"].startswith(_TO_HOLDERS))
        told = {row["key"]: row["mailbox"] for row in books.tables["notice"]}
        if letters != Counter(f"-/{key}" for key in told):
            yield f"{books.name}: {len(told)} notices have {letters.total()} letters"
        for row in books.tables["notice_wishes"]:
            box = books.boxes.get(row["mailbox_key"], ())
            if any(held.signed.row is _ENVELOPE for held in box) and row["mailbox"] not in told.values():
                yield f"{books.name}: a holder who asked for it was not told of an envelope"


def originals_are_unchanged(evidence: Evidence) -> Found:
    """Invariant 3: what a recipient reads is what the author wrote."""
    for told in evidence.told:
        body = told.mail.octets.partition(b"\r\n\r\n")[2]
        for address in told.mail.recipients:
            for one in (held.signed for held in _box(evidence, address.key)):
                original = one.received.original if one.received else None
                mine = one.row is _ENVELOPE and _names(one, told.mail)
                if mine and (original is None or not bytes(original).endswith(body)):
                    yield f"{told.mail.name} has changed on its way"


def _that_stays(books: Books, row: Row) -> tuple[str, tuple[str, ...]]:
    """Return an envelope of a provider's own with its recipients there (MO-7), whichever way it went to them."""
    if row["row"] != _ENVELOPE.name:
        return "", ()
    domains = {domain["name"] for domain in books.tables["domain"]}
    here = {each for each in addresses(row, "forward_paths") if each.rpartition("@")[2] in domains}
    return row["identifier"], tuple(sorted(here))


def envelopes_are_taken_in_charge_once(evidence: Evidence) -> Found:
    """Invariant 4: one taking in charge for each envelope and SMTP transaction."""
    for books in evidence.both:
        arrived = set()
        for row in books.of("inbound", point="incoming"):
            one = signed(books.octets(row["digest"]) or b"")
            if one.row is _ENVELOPE:
                arrived.add((one.identifier, tuple(sorted(set(addresses(row, "forward_paths"))))))
        arrived |= {stay for row in books.tables["letter"] if (stay := _that_stays(books, row))[1]}
        taken = Counter(
            (row["identifier"], tuple(sorted(addresses(row, "recipients")))) for row in books.tables["taken"]
        )
        if arrived != set(taken) or any(count > 1 for count in taken.values()):
            yield f"{books.name}: {len(arrived)} transactions arrived, {sum(taken.values())} were taken in charge"
        letters = Counter(one.about for one in _letters(books) if one.row is MessageRow.TAKING_IN_CHARGE)
        if len(letters) != len(taken) or any(count > 1 for count in letters.values()):
            yield f"{books.name}: {len(taken)} taken in charge, {sum(letters.values())} receipts of it"


def ordinary_mail_is_wrapped_and_never_answered(evidence: Evidence) -> Found:
    """Invariant 9: an anomaly envelope for each mailbox, nothing for an infected one, and no word to its sender."""
    for told in evidence.told:
        if not told.mail.ordinary or not _is_stored(evidence, told):
            continue
        for address in told.mail.recipients:
            found = [held for held in _box(evidence, address.key) if told.mail.octets.strip() in held.octets]
            if len(found) != (0 if told.mail.infected else 1):
                yield f"{told.mail.name} is {len(found)} times in a mailbox"
        if any(_names(one, told.mail) for one in evidence.objects() if one.row is not None):
            yield f"{told.mail.name} has a receipt"
    envelopes = {one.digest for one in evidence.objects() if one.row is _ENVELOPE}
    for line in evidence.wire:
        if line["domain"] == "ditta.example" and line["digest"] not in envelopes:
            yield "something other than an envelope went to ordinary mail"
    for row in evidence.beta.of("letter", identifier=""):
        if row["row"] != MessageRow.ANOMALY_ENVELOPE.name and not row["key"].startswith(_TO_HOLDERS):
            yield f"{row['key']} belongs to no transaction"


def infected_messages_are_kept(evidence: Evidence) -> Found:
    """Invariant 8: what a provider kept aside is found again in the virus storage, and nowhere else, with its row."""
    for books in evidence.both:
        for row in books.tables["infected"]:
            if books.lies_in_clear(row["digest"]) and not books.of("letter", digest=row["digest"]):
                yield f"{row['key']} lies in clear in the store"
    for told in evidence.told:
        if told.mail.ordinary or not told.mail.infected or not _is_stored(evidence, told):
            continue
        books = evidence.beta if UNSEEN in told.mail.octets else evidence.alfa
        name = f"<{told.mail.name}@".encode()
        kept = [row for row in books.tables["infected"] if name in (books.octets(row["digest"]) or b"")]
        logged = [row for row in books.of("log_row", event="virus-found") if _row_names(row, told.mail)]
        if len(kept) != 1 or len(logged) != 1:
            yield f"{told.mail.name} is kept {len(kept)} times and logged {len(logged)} times"


_SOUND: set[str] = set()
_MANY: Final = 400
"""More objects than that: OpenSSL sees one in eight, drawn by digest; our verifier still sees all."""


def _seals(evidence: Evidence, cast: Cast) -> Found:
    """Invariant 7: every generated message verifies, by OpenSSL and by our verifier, at its own time."""
    many = len(evidence.objects()) > _MANY
    letters = [row for books in evidence.both for row in books.tables["letter"]]
    ordinary = {row["digest"] for row in letters if row["key"].startswith(_TO_HOLDERS)}
    for one in evidence.objects():
        if one.digest in _SOUND | ordinary:
            continue
        at = (one.facts.instant if one.facts else evidence.now) + timedelta(seconds=1)
        report = verify_seal(one.octets, trust=cast.trust, directory=cast.directory, at=JudgedAt.now(at))
        if not report.good:
            yield f"{one.row} of {one.identifier}: our verifier says {report.reason}"
        elif not (many and int(one.digest[:2], 16) % 8) and not _openssl_verifies(one.octets, cast, at):
            yield f"{one.row} of {one.identifier}: OpenSSL refuses it"
        else:
            _SOUND.add(one.digest)


def _openssl_verifies(octets: bytes, cast: Cast, at: datetime) -> bool:
    with tempfile.TemporaryDirectory(prefix="pec-seal-") as name:
        folder = Path(name)
        (anchor,) = cast.authority.anchors()
        (folder / "anchor.pem").write_bytes(pem(anchor))
        (folder / "message.eml").write_bytes(octets)
        command = ["openssl", "cms", "-verify", "-in", "message.eml", "-CAfile", "anchor.pem", "-out", "content"]
        command += ["-attime", str(int(at.timestamp()))]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0  # noqa: S603


# -- reading -----------------------------------------------------------------------------------------------


def _home(evidence: Evidence, mail: Mail) -> Books:
    return evidence.beta if mail.ordinary else evidence.alfa


def _is_stored(evidence: Evidence, told: Told) -> bool:
    return bool(_home(evidence, told.mail).of("inbound", digest=sha256(told.mail.octets).hexdigest()))


def _to_be_accepted(mail: Mail) -> bool:
    return b"\nBcc:" not in mail.octets and (not mail.infected or UNSEEN in mail.octets)


def _names(one: Signed, mail: Mail) -> bool:
    """Tell whether a sealed message is about a message that a client sent."""
    return one.facts is not None and f"<{mail.name}@" in (one.facts.original.client_message_id or "")


def _row_names(row: Row, mail: Mail) -> bool:
    return f"<{mail.name}@" in (row["client_message_id"] or "")


def _letters(books: Books) -> list[Signed]:
    return [signed(books.octets(row["digest"]) or b"") for row in books.tables["letter"]]


def _of(evidence: Evidence, row: MessageRow) -> list[Signed]:
    return [one for one in evidence.objects() if one.row is row]


def _box(evidence: Evidence, address: str) -> list[Held]:
    return [held for books in evidence.both for held in books.boxes.get(address, ())]


def _is(held: Held, row: MessageRow, identifier: str) -> bool:
    one = held.signed
    return one.row is row and one.identifier == identifier


def _is_sealed(one: Signed) -> bool:
    return one.received is not None and one.received.signed is not None


def _recipient(one: Signed) -> str:
    return one.facts.delivery_recipient.key if one.facts and one.facts.delivery_recipient else ""


def _is_about(one: Signed, row: Row) -> bool:
    return (one.identifier, _recipient(one)) == (row["identifier"], row["recipient_key"])


def _is_twelve_hours(one: Signed) -> bool:
    detail = (one.facts.error_detail or "") if one.facts else ""
    return one.row is MessageRow.DELIVERY_TIMEOUT and str(Timeout.TWELVE_HOURS.value.code) in detail


def _is_final_for(one: Signed, row: Row) -> bool:
    finals = {_DELIVERY, MessageRow.NON_DELIVERY, MessageRow.NON_DELIVERY_VIRUS, MessageRow.DELIVERY_TIMEOUT}
    return one.row in finals and _is_about(one, row) and not _is_twelve_hours(one)


def _rows(books: Books, identifier: str, recipient: str, *events: str) -> list[Row]:
    return [
        row
        for row in books.of("log_row", identifier=identifier)
        if row["event"] in events and recipient in addresses(row, "concerned") and row["message_id"]
    ]


_MOVES: Final = {
    "taking-in-charge-received": RecipientState.TAKEN,
    "virus-detection-received": RecipientState.FAILED_VIRUS,
    "avvenuta-consegna": RecipientState.DELIVERED,
    "errore-consegna": RecipientState.FAILED,
    "12 h": RecipientState.WARNED,
    "24 h": RecipientState.EXPIRED,
}


def _state_by_log(books: Books, wanted: Row) -> RecipientState | None:
    """Read the log of one transaction as a stranger would, by the table in 1.3."""
    state: RecipientState | None = None
    for row in sorted(books.of("log_row", identifier=wanted["identifier"]), key=lambda row: row["seq"]):
        if row["event"] == "acceptance":
            external = f'["{wanted["recipient"]}","esterno"]' in row["recipients"]
            state = RecipientState.SENT_EXTERNAL if external else RecipientState.DISPATCHED
        if state is None or state.is_final or wanted["recipient_key"] not in addresses(row, "concerned"):
            continue
        state = _moved(state, row)
    return state


def _moved(state: RecipientState, row: Row) -> RecipientState:
    word = row["event"]
    if word == "receipt-received" or (word == "notice-issued" and row["error"] != "virus"):
        word = row["kind"]
    elif word == "timer":
        word = row["detail"][:4]
    ignored = row["detail"].startswith("ignored") or "without effect" in row["detail"]
    return state if ignored else _MOVES.get(word, state)


_ALWAYS: Final[tuple[Rule, ...]] = (
    what_was_answered_is_there,
    octets_are_whole,
    signed_once,
    receipt_means_message,
    mailboxes_are_whole,
    open_states_have_timers,
    log_tells_the_states,
    letters_are_logged_once,
    nothing_is_forgotten,
)
_AT_REST: Final[tuple[Rule, ...]] = (
    nothing_is_left_to_do,
    submissions_have_one_answer,
    recipients_have_one_outcome,
    message_means_receipt,
    who_asked_is_told,
    originals_are_unchanged,
    envelopes_are_taken_in_charge_once,
    ordinary_mail_is_wrapped_and_never_answered,
    infected_messages_are_kept,
)
