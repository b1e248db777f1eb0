"""The tables of a provider's store: one description for SQLite and PostgreSQL.

`migrations/` makes them; a test holds the two together. Whatever refers to octets refers to `blob`. `log_row` is only
ever added to, and nothing points to it. On PostgreSQL it and `log_address`, by which the rows of a mailbox are found,
are cut by months (`store.log_months`); SQLite keeps each whole. A job can be claimed when `ready` has come: that is its
`due`, or the end of the lease of whoever has it. One partial index on it serves claims in the same time at a thousand
rows and at a million.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text, text

from ceralacca.core.delivery_point import Fate
from ceralacca.core.log_chain import Ledger
from ceralacca.core.model.audit import ActorKind, AuditAct, AuditOutcome
from ceralacca.core.model.disservice import DisserviceKind, FoundBy, IncidentCode
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.letters import Point
from ceralacca.ports.mailbox import MailboxStatus, OrdinaryMail
from ceralacca.ports.safety_alarm import AlarmKind
from ceralacca.ports.store import JobKind
from ceralacca.ports.web_session import SessionStage
from ceralacca.store.columns import Day, Instant, Json, Key, Many, Number, One, Raw, Recipients, Word, Words

METADATA = MetaData()

BLOB = Table(
    "blob",
    METADATA,
    Column("digest", Text, primary_key=True),  # SHA-256, hexadecimal
    Column("size", Number, nullable=False),
    Column("octets", Raw),  # NULL: in a file; empty: gone, and if infected in the virus storage only
    Column("place", Text),  # in a pack; NULL: in the folder of blobs, under the digest
)


def _blob() -> Column[str]:
    return Column("digest", Text, ForeignKey("blob.digest"), nullable=False)


INBOUND = Table(
    "inbound",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("point", Word(Point), nullable=False),
    _blob(),
    Column("reverse_path", One),
    Column("forward_paths", Many, nullable=False),
    Column("received", Instant, nullable=False),
    Column("peer", Words, nullable=False),
    Column("tls", Words, nullable=False),
    Column("authenticated", Words, nullable=False),
    Column("trace", Raw, nullable=False),
)

LETTER = Table(
    "letter",
    METADATA,
    Column("key", Key, primary_key=True),  # identificativo/recipient/kind
    _blob(),
    Column("reverse_path", One),
    Column("forward_paths", Many, nullable=False),
    Column("message_id", Words, nullable=False),
    Column("instant", Instant, nullable=False),
    Column("row", Word(MessageRow)),  # of table 1.1; NULL: received, not generated
    Column("identifier", Words, nullable=False),
)

JOB = Table(
    "job",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=True),  # never given twice: `done` names it
    Column("key", Key, nullable=False, unique=True),
    Column("kind", Word(JobKind), nullable=False),
    Column("due", Instant, nullable=False),
    Column("ready", Instant, nullable=False),
    Column("leased", Boolean, nullable=False, server_default=text("false")),
    Column("held", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created", Instant, nullable=False),
    Column("note", Words, nullable=False, server_default=text("''")),
    Column("payload", Json, nullable=False),
    Column("claimed_by", Text),  # last of all, whether its lease lasts or not
    Index("job_ready", "kind", "ready", "id"),
    sqlite_autoincrement=True,
)

SENT_MESSAGE = Table(
    "sent_message",
    METADATA,
    Column("identifier", Key, primary_key=True),
    Column("sender", One, nullable=False),
    Column("recipients", Recipients, nullable=False),
    Column("reply_to", Words, nullable=False),
    Column("subject", Words),
    Column("client_message_id", Words),
    Column("subject_body", Raw),
    Column("accepted", Instant, nullable=False),  # T0
    Column("sender_key", Key),  # lower case; NULL in rows of release 1, which an older process may still write
    Index("sent_message_sender", "sender_key", "accepted"),
)

RECIPIENT_STATE = Table(
    "recipient_state",
    METADATA,
    Column("identifier", Key, ForeignKey("sent_message.identifier"), primary_key=True),
    Column("recipient_key", Key, primary_key=True),  # lower case (AM-14)
    Column("recipient", One, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Word(RecipientState), nullable=False),
)

TAKEN = Table(
    "taken",
    METADATA,
    Column("identifier", Key, primary_key=True),
    Column("provider", Key, primary_key=True),
    Column("recipients_key", Text, primary_key=True),  # SHA-256 of the addresses, sorted
    Column("recipients", Many, nullable=False),
    Column("letter", Words, nullable=False),
    Column("at", Instant, nullable=False),
)

FATE = Table(
    "fate",
    METADATA,
    Column("identifier", Key, primary_key=True),
    Column("provider", Key, primary_key=True),
    Column("recipient_key", Key, primary_key=True),
    Column("recipient", One, nullable=False),
    Column("fate", Word(Fate), nullable=False),
    Column("at", Instant, nullable=False),
)

INFECTED = Table(
    "infected",
    METADATA,
    Column("key", Key, primary_key=True),
    _blob(),
    Column("identifier", Key, nullable=False),
    Column("found", Instant, nullable=False),
    Column("sender", One),
    Column("recipients", Many, nullable=False),
    Column("virus", Words, nullable=False),
    Column("engine", Words, nullable=False),
    Index("infected_identifier", "identifier"),
)

FAILURE = "error NOT IN ('', 'nessuno')"
"""Which rows have an error: few, with an index of their own."""

RECEIVED_RECEIPT = Table(
    "received_receipt",
    METADATA,
    Column("identifier", Key, primary_key=True),
    Column("holder_key", Key, primary_key=True),
    Column("digest", Text, ForeignKey("blob.digest"), primary_key=True),
    Column("holder", One, nullable=False),
    Column("message_id", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("instant", Instant, nullable=False),
)

LOG_ROW = Table(
    "log_row",
    METADATA,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("instant", Instant, nullable=False),
    Column("event", Word(LogEvent), nullable=False),
    Column("identifier", Words),
    Column("identifier_hash", Number),  # `log_rows.identifier_hash`: a small index on a table that only grows
    Column("client_message_id", Words),
    Column("client_message_id_hash", Number),
    Column("sender", One),
    Column("recipients", Recipients, nullable=False),
    Column("subject", Words),
    Column("kind", Words, nullable=False),
    Column("error", Words, nullable=False),
    Column("error_detail", Words, nullable=False),
    Column("concerned", Many, nullable=False),
    Column("message_id", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("peer", Words, nullable=False),
    Column("tls", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Index("log_row_identifier", "identifier_hash"),
    Index(
        "log_row_client_message_id",
        "client_message_id_hash",
        sqlite_where=text("client_message_id_hash IS NOT NULL"),
        postgresql_where=text("client_message_id_hash IS NOT NULL"),
    ),
    Index("log_row_instant", "instant", "seq"),
    Index("log_row_failure", "instant", "seq", sqlite_where=text(FAILURE), postgresql_where=text(FAILURE)),
    sqlite_autoincrement=True,
)

LOG_ADDRESS = Table(
    "log_address",
    METADATA,
    Column("hash", Number, primary_key=True),  # of role and address: `log_rows.party_hash`
    Column("instant", Instant, primary_key=True),
    Column("seq", Number, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

AUDIT_EVENT = Table(
    "audit_event",
    METADATA,
    Column("seq", Number, primary_key=True, autoincrement=False),  # given under a lock: without a gap
    Column("instant", Instant, nullable=False),
    Column("act", Word(AuditAct), nullable=False),
    Column("actor_kind", Word(ActorKind), nullable=False),
    Column("actor", Words, nullable=False),
    Column("process", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("peer", Words, nullable=False),
    Column("outcome", Word(AuditOutcome), nullable=False),
    Column("mailbox", One),
    Column("mailbox_key", Key),
    Column("about", Words, nullable=False),
    Column("purpose", Words, nullable=False),
    Column("ticket", Words, nullable=False),
    Column("detail", Json, nullable=False),
    Index("audit_event_act", "act", "seq"),
    Index("audit_event_instant", "instant"),
    Index(
        "audit_event_mailbox",
        "mailbox_key",
        "seq",
        sqlite_where=text("mailbox_key IS NOT NULL"),
        postgresql_where=text("mailbox_key IS NOT NULL"),
    ),
)

LOG_BLOCK = Table(
    "log_block",
    METADATA,
    Column("ledger", Word(Ledger), primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),  # without a gap: the key lets one writer win
    Column("node", Text, nullable=False),
    Column("sealed", Instant, nullable=False),
    Column("first", Number, nullable=False),
    Column("rows", Number, nullable=False),
    Column("last_seq", Number, nullable=False),
    Column("root", Text, nullable=False),
    Column("row_hash", Text, nullable=False),
    Column("marks_hash", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("record", Raw, nullable=False),
    Column("seal", Raw, nullable=False),
    Column("marks", Raw),  # NULL: in its file
    Column("witnessed", Boolean, nullable=False, server_default=text("false")),
    Index("log_block_sealed", "ledger", "sealed"),
    Index(
        "log_block_witness",
        "ledger",
        "number",
        sqlite_where=text("NOT witnessed"),
        postgresql_where=text("NOT witnessed"),
    ),
)

LOG_FILE = Table(
    "log_file",
    METADATA,
    Column("ledger", Word(Ledger), primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("start", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("sealed", Instant, nullable=False),
    Column("first_block", Number, nullable=False),
    Column("last_block", Number, nullable=False),
    Column("first", Number, nullable=False),
    Column("rows", Number, nullable=False),
    Column("digest", Text, nullable=False),  # empty: planned, not written
    Column("octets", Number, nullable=False),
    Column("stamped", Instant),
    Column("altered", Text, nullable=False),
)

LOG_HOLD = Table(
    "log_hold",
    METADATA,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("mailbox", One),
    Column("identifier", Words, nullable=False),  # empty: a mailbox is held
    Column("reason", Words, nullable=False),
    Column("ticket", Words, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("set_by", Words, nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", Words, nullable=False),
    Column("lift_reason", Words, nullable=False),
    sqlite_autoincrement=True,
)

LOG_PURGE = Table(
    "log_purge",
    METADATA,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("month", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("rows", Number, nullable=False),
    Column("held", Number, nullable=False),
    Column("holds", Text, nullable=False),  # numbers, joined by commas
    Column("record", Raw, nullable=False),
    Column("seal", Raw, nullable=False),
    Column("done", Boolean, nullable=False, server_default=text("false")),
    sqlite_autoincrement=True,
)

DOMAIN = Table(
    "domain",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("created", Instant, nullable=False),
)

MAILBOX = Table(
    "mailbox",
    METADATA,
    Column("address_key", Key, primary_key=True),
    Column("address", One, nullable=False),
    Column("domain", Text, ForeignKey("domain.name"), nullable=False),
    Column("status", Word(MailboxStatus), nullable=False),
    Column("quota", Number, nullable=False),
    Column("ordinary_mail", Word(OrdinaryMail), nullable=False),
    Column("forward_to", One),
    Column("is_service", Boolean, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("notices", Text, nullable=False, server_default=text("''")),  # their names, with spaces between
    Column("ends", Day),  # the last day; NULL: none
    Index("mailbox_domain", "domain"),
)

WEB_SESSION = Table(
    "web_session",
    METADATA,
    Column("digest", Text, primary_key=True),  # of the browser's token
    Column("ticket", Text, nullable=False, unique=True),  # digest of the secret that opens the mailbox
    Column("holder", One, nullable=False),
    Column("holder_key", Key, nullable=False),
    Column("mailbox", One, nullable=False),
    Column("stage", Word(SessionStage), nullable=False),
    Column("may_send", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("peer", Words, nullable=False),
    Column("agent", Words, nullable=False),
    Column("confirmed", Instant),  # when the holder last showed again that it is them
    Column("salt", Text, nullable=False, server_default=text("''")),  # what the ticket is made of beside the token
    Column("delegation", Text, nullable=False, server_default=text("''")),  # key; empty for the own mailbox
    Index("web_session_holder", "holder_key"),
)

APP_PASSWORD = Table(
    "app_password",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("selector", Text, primary_key=True),  # its first letters, no secret
    Column("mailbox", One, nullable=False),
    Column("label", Words, nullable=False),
    Column("protocols", Text, nullable=False),  # their names, with spaces between
    Column("password_hash", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("used", Instant),
)

DELIVERY_RULES = Table(
    "delivery_rules",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("version", Number, primary_key=True, autoincrement=False),
    Column("mailbox", One, nullable=False),
    Column("made", Instant, nullable=False),
)

DELIVERY_RULE = Table(
    "delivery_rule",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("version", Number, primary_key=True, autoincrement=False),
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),  # the same in every version
    Column("name", Words, nullable=False),
    Column("folder", Words, nullable=False),
    Column("sorts", Text, nullable=False),  # their names, with spaces between
    Column("sender", Words, nullable=False),
    Column("recipient", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("at_least", Number),
    Column("at_most", Number),
    Column("files", Boolean),
    Column("active", Boolean, nullable=False),
)

TOTP = Table(
    "totp",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("mailbox", One, nullable=False),
    Column("sealed", Raw, nullable=False),  # under a key that is in no database
    Column("last_step", Number, nullable=False),
    Column("created", Instant, nullable=False),
    Column("used", Instant),
)

PASSKEY = Table(
    "passkey",
    METADATA,
    Column("credential", Text, primary_key=True),  # base64url
    Column("mailbox_key", Key, nullable=False),
    Column("mailbox", One, nullable=False),
    Column("label", Words, nullable=False),
    Column("public_key", Raw, nullable=False),  # COSE
    Column("sign_count", Number, nullable=False),
    Column("transports", Text, nullable=False),  # with spaces between
    Column("created", Instant, nullable=False),
    Column("used", Instant),
    Index("passkey_mailbox", "mailbox_key"),
)

RECOVERY_CODE = Table(
    "recovery_code",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("hash", Text, primary_key=True),  # keyed
)

SPENT_CHALLENGE = Table(
    "spent_challenge",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("ends", Instant, nullable=False),
)

KNOWN_PLACE = Table(
    "known_place",
    METADATA,
    Column("mailbox_key", Key, primary_key=True),
    Column("place", Text, primary_key=True),  # digest of a browser's mark, or of a network
    Column("since", Instant, nullable=False),
    Column("seen", Instant, nullable=False),  # to the day
)

SAFETY_ALARM = Table(
    "safety_alarm",
    METADATA,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("mailbox", One, nullable=False),
    Column("mailbox_key", Key, nullable=False),
    Column("kind", Word(AlarmKind), nullable=False),
    Column("instant", Instant, nullable=False),
    Column("way", Words, nullable=False),
    Column("peer", Words, nullable=False),
    Column("agent", Words, nullable=False),
    Column("place", Text, nullable=False),  # the browser that caused it; empty for none
    Column("seen", Instant),
    Column("sent", Instant),
    Index("safety_alarm_mailbox", "mailbox_key", "number"),
    Index(
        "safety_alarm_unsent",
        "number",
        sqlite_where=text("sent IS NULL"),
        postgresql_where=text("sent IS NULL"),
    ),
    sqlite_autoincrement=True,
)

DISSERVICE = Table(
    "disservice",
    METADATA,
    Column("number", Number, primary_key=True, autoincrement=True),  # never given twice
    Column("kind", Word(DisserviceKind), nullable=False),
    Column("begins", Instant, nullable=False),
    Column("ends", Instant),
    Column("recorded", Instant, nullable=False),
    Column("code", Word(IncidentCode)),
    Column("found_by", Word(FoundBy), nullable=False),
    Column("what", Words, nullable=False),
    Column("remedy", Words, nullable=False),
    Column("closed", Instant),
    sqlite_autoincrement=True,
)

SITE = Table(
    "site",
    METADATA,
    Column("pair", Text, primary_key=True),  # one row, where there are two sites
    Column("epoch", Number, nullable=False),
    Column("name", Words, nullable=False),  # of the primary
    Column("alone", Boolean, nullable=False),
    Column("changed", Instant, nullable=False),
)
