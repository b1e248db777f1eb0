"""The sections of the settings file, field by field; what stands under a field is its reference page.

Values that can have a default have one. What the law fixes a floor for is refused below it, by the
rules in `core` that know the clause. A section knows nothing of the parts that use it.

Clauses: AP-12, AP-13, TI-8, AM-19, MO-3, MO-4, SE-1, SE-3, SE-4, DI-3, DI-5, IP-9, VI-3.
"""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ceralacca.apps.settings.kinds import (
    Count,
    Duration,
    FilePath,
    Flag,
    HostName,
    MailAddress,
    OrdinaryMailPolicy,
    OrdinaryMailWays,
    Port,
    Size,
)
from ceralacca.base.errors import UserError
from ceralacca.core.access_point import SMALLEST_LIMIT, SMALLEST_RECIPIENTS, AccessSettings
from ceralacca.core.deadlines import DeadlineSettings
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import OrdinaryMail

MIB = 2**20


class Section(BaseModel):
    """One table of the file: frozen, every key known."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=True, defer_build=True
    )


class ProviderSection(Section):
    """Who the provider is."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Descriptive name, as in the directory: `gestore-emittente` of every receipt."""
    address: MailAddress
    """Address that every generated message comes from; the one in the signing certificate (MO-3)."""
    service_mailbox: MailAddress
    """Where other providers send takings in charge: `mailReceipt` of the directory (MO-4). No holder reaches it."""
    hostname: HostName
    """Full name of this machine, as it greets others; the name in its TLS certificate."""
    sandbox: Flag = False
    """True marks a provider that is for trying things: it alone may scan with the demonstration's virus database."""


class DataSection(Section):
    """Where everything durable lies."""

    folder: FilePath
    """Database, large messages, mailboxes, directory copy, CRLs. Made with mode 0700 when it is not there."""
    database: str = ""
    """Empty for SQLite inside the folder, or `postgresql://user@host/name`. Without a password."""
    database_password_file: FilePath | None = None
    """File whose first line is the password of the database; mode 0600."""

    @model_validator(mode="after")
    def _known_engine(self) -> Self:
        if self.database and not self.database.startswith(("postgresql://", "postgresql+psycopg://")):
            raise ValueError("database: write postgresql://user@host/name, or leave it out for SQLite")
        authority = self.database.partition("://")[2].partition("/")[0]
        if ":" in authority.rpartition("@")[0]:
            raise ValueError("database: a password does not belong here; name its file in database_password_file")
        return self


class TokenSection(Section):
    """A signing key in a PKCS#11 token (SE-4)."""

    library: FilePath
    """The vendor's PKCS#11 shared library."""
    token: str
    """Label of the token."""
    pin_file: FilePath
    """File whose first line is the user PIN; mode 0600."""
    key_label: str | None = None
    """Label of the private key. Label, id or both must find exactly one."""
    key_id: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2})+$")] | None = None
    """Id of the private key, in hexadecimal."""

    @model_validator(mode="after")
    def _finds_a_key(self) -> Self:
        if self.key_label is None and self.key_id is None:
            raise ValueError("give key_label, key_id or both")
        return self


class KeysSection(Section):
    """The sealing key: in a file or in a token. Only worker processes read it."""

    certificate: FilePath
    """The provider's certificate, PEM or DER; in PEM the certificates between it and the root follow it (GE-2)."""
    key: FilePath | None = None
    """PKCS#8 file with the RSA key; mode 0600. Leave it out when the key is in a token."""
    passphrase_file: FilePath | None = None
    """File whose first line is the passphrase of the key; mode 0600."""
    token: TokenSection | None = None
    """The token that holds the key."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.token is None):
            raise ValueError("give either key, a file, or the table keys.token")
        if self.passphrase_file is not None and self.key is None:
            raise ValueError("passphrase_file belongs to a key file; a token has its pin_file")
        return self


class TrustSection(Section):
    """Whose certificates are believed in the seals of other providers (IP-8)."""

    anchors: Annotated[tuple[FilePath, ...], Field(min_length=1)]
    """Files or folders with the authorities' certificates, PEM or DER. Self-signed ones are the anchors."""
    crl_folder: FilePath | None = None
    """A folder of further revocation lists, kept up to date by others."""
    crl_urls: tuple[str, ...] = ()
    """Addresses of the revocation lists, fetched hourly (IP-9). Only these: an address in a certificate never is."""
    crl_server_ca: FilePath | None = None
    """Authority of the servers, PEM; needed for https addresses only."""

    @model_validator(mode="after")
    def _http(self) -> Self:
        for url in self.crl_urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError("crl_urls: write http:// or https:// addresses")
            if url.startswith("https://") and self.crl_server_ca is None:
                raise ValueError("crl_urls: an https address needs crl_server_ca")
        return self


class DirectorySection(Section):
    """The providers directory and its local copy (section 9 of the norm), fetched daily (DI-3)."""

    url: Annotated[str, Field(pattern=r"^https://")]
    """HTTPS address of the sealed directory (`.p7m`)."""
    manager: Annotated[tuple[FilePath, ...], Field(min_length=1)]
    """Pinned certificate of the directory's manager; two during its renewal (DI-5)."""
    client_certificate: FilePath
    """Certificate that we show to the directory's server, PEM (DI-4)."""
    client_key: FilePath
    """Its key; mode 0600."""
    server_ca: FilePath
    """Authority of the server's certificate, PEM."""
    own_name: str = ""
    """Our own `providerName` there; by default the provider's name. A copy without it is refused (DI-5)."""
    drop_percent: Annotated[int, Field(strict=True, ge=0, le=100)] = 20
    """How many in a hundred providers may vanish at once before a new copy is refused."""


class TlsSection(Section):
    """The TLS certificate that access, incoming and mailboxes show."""

    certificate: FilePath
    """PEM: the certificate for `provider.hostname`, then those above it."""
    key: FilePath
    """PEM without passphrase; mode 0600."""


class AccessSection(Section):
    """Submission by holders (the access point)."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 465
    """Implicit TLS; 0 for any free port."""
    starttls_port: Port = 587
    """STARTTLS before anything else; 0 for any free port."""
    starttls: Flag = True
    """Whether there is a listener with STARTTLS at all; implicit TLS is the better one."""
    limit_octets: Size = SMALLEST_LIMIT
    """Certified limit: octets of a message times its recipients; at least 30 MiB (AP-12)."""
    recipients: Count = SMALLEST_RECIPIENTS
    """Most recipients of one message; at least 50 (AP-13). More are refused with a notice."""
    strict_header_recipients: Flag = True
    """Whether every address in To and Cc must be a recipient of the transaction (AP-10)."""
    size: Size = 48 * MIB
    """Hard limit of one message: above it the client hears 552 and gets no notice (AP-4)."""
    connections: Count = 1000
    """Open at once."""
    connections_per_peer: Count = 50
    """Open at once from one address."""
    command_time: Duration = timedelta(minutes=5)
    """For the next command."""
    chunk_time: Duration = timedelta(minutes=15)
    """For the next octets of a message: holders may keep the final dot back for minutes."""
    data_time: Duration = timedelta(hours=2)
    """For a message as a whole."""

    @model_validator(mode="after")
    def _within_the_law(self) -> Self:
        try:
            self.rules()
        except UserError as error:
            raise ValueError(f"{error}; {error.remedy}") from error
        return self

    def rules(self) -> AccessSettings:
        """Return what the formal checks want to know."""
        return AccessSettings(
            limit_octets=self.limit_octets,
            recipients=self.recipients,
            strict_header_recipients=self.strict_header_recipients,
        )


class IncomingSection(Section):
    """Mail from other providers and from the Internet (the incoming point)."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 25
    """With STARTTLS; 0 for any free port."""
    size: Size = 100 * MIB
    """Hard limit of one message. Receipts carry whole messages back: keep it well above `access.size`."""
    accept_unknown_rcpt: Flag = True
    """Take mail for mailboxes that do not exist and answer by notice (IP-3, AM-22); false refuses them in SMTP."""
    require_tls_for_pec: Flag = False
    """True wraps what other providers send without TLS in an anomaly envelope (IP-4); false flags it in the log."""
    exchangers: tuple[HostName, ...] = ()
    """Other hosts of the provider's own that MX records may name; `pec doctor` reports any that is not here (IP-2)."""
    recipients: Count = 1000
    """Of one transaction."""
    connections: Count = 1000
    """Open at once."""
    connections_per_peer: Count = 50
    """Open at once from one address."""
    command_time: Duration = timedelta(minutes=5)
    """For the next command."""
    chunk_time: Duration = timedelta(minutes=5)
    """For the next octets of a message."""
    data_time: Duration = timedelta(hours=2)
    """For a message as a whole."""


class RouteSection(Section):
    """Where mail for one domain goes, instead of asking the DNS."""

    host: str
    """Address to connect to."""
    port: Port = 25
    """Port of the host."""
    name: HostName | None = None
    """Name that its TLS certificate must have; by default `host`."""


class RelaySection(Section):
    """Mail to other providers and outside PEC."""

    ca_file: FilePath | None = None
    """Authorities of other providers' TLS certificates; without it the system's."""
    routes: dict[str, RouteSection] = Field(default_factory=dict)
    """By domain. For the sandbox and for tests: in production the DNS knows (leave it out)."""
    dns: Flag = True
    """Whether the DNS is asked for domains that have no route; false where no mail may leave the machine."""
    threads: Count = 32
    """Transactions at once, each over a connection of its own, also when all are with one destination: fewer than the
    50 that servers let in from one host by custom."""
    timeout: Duration = timedelta(seconds=60)
    """For each command of the other side."""


class DeadlineSection(Section):
    """When a sender hears that no answer has come (section 7 of the norm)."""

    final_notice: Duration = timedelta(hours=23)
    """After acceptance; between 22 h and 24 h (TI-8)."""
    queue_lifetime: Duration = timedelta(hours=22)
    """How long an envelope may wait to be relayed; never past the final notice (AM-19)."""

    @model_validator(mode="after")
    def _within_the_law(self) -> Self:
        try:
            self.rules()
        except UserError as error:
            raise ValueError(f"{error}; {error.remedy}") from error
        return self

    def rules(self) -> DeadlineSettings:
        """Return what the timers want to know."""
        return DeadlineSettings(final_notice=self.final_notice, queue_lifetime=self.queue_lifetime)


class DomainSection(Section):
    """What is usual in one domain."""

    ordinary_mail: OrdinaryMailPolicy | None = None
    """For a new mailbox of this domain, instead of `mailboxes.ordinary_mail`."""
    holders_choose: OrdinaryMailWays | None = None
    """What holders of this domain may choose of it, instead of `mailboxes.holders_choose`."""


class MailboxesSection(Section):
    """What holders read their mail through: a Dovecot that we start, unprivileged."""

    managed: Flag = True
    """False where the mailboxes are shown by a Dovecot of your own."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    imap_port: Port = 993
    """IMAP, implicit TLS; 0 for any free port."""
    pop3_port: Port = 995
    """POP3, implicit TLS; 0 for any free port."""
    quota: Size = 2**30
    """Octets of a new mailbox."""
    ordinary_mail: OrdinaryMailPolicy = "anomaly"
    """What becomes of ordinary mail for a new mailbox (IP-20): `anomaly` (wrapped in an anomaly envelope), `discard` or
    `reject` (not delivered), or `forward:<addr>` (passed on, unchanged, to an address outside PEC)."""
    holders_choose: OrdinaryMailWays = (OrdinaryMail.ANOMALY, OrdinaryMail.REJECT, OrdinaryMail.FORWARD)
    """What holders may choose of it for their own mailbox, on the web pages; the provider may set any."""
    domains: dict[str, DomainSection] = Field(default_factory=dict)
    """By domain: what is usual there."""

    def ordinary_mail_in(self, domain: str) -> str:
        """Return the policy of a new mailbox: that of its domain, else that of the provider (IP-20)."""
        section = self._of(domain)
        return section.ordinary_mail if section and section.ordinary_mail else self.ordinary_mail

    def holders_choose_in(self, domain: str) -> tuple[OrdinaryMail, ...]:
        """Return what holders of a domain may choose for themselves (IP-20)."""
        section = self._of(domain)
        return section.holders_choose if section and section.holders_choose else self.holders_choose

    def _of(self, domain: str) -> DomainSection | None:
        return {name.lower(): section for name, section in self.domains.items()}.get(domain.lower())


ReceiptsKept = Literal["bytes", "hash"]


class ReceiptsSection(Section):
    """What is kept of holders' receipts after they were delivered, so that they can be given out again (LO-8)."""

    keep: ReceiptsKept = "bytes"
    """`bytes`: the receipts themselves, for `pec receipt again`; `hash`: their SHA-256, by which a copy is told."""
    contracts: dict[str, ReceiptsKept] = Field(default_factory=dict)
    """By mailbox or by domain, where the contract says otherwise."""
    octets_for: Duration = timedelta(days=7)
    """How long the octets stay where the hash alone is kept. What is not delivered yet stays in any case."""

    def hash_only(self, holder: Address) -> bool:
        """Whether the hash alone is kept of this holder's receipts."""
        agreed = {name.lower(): kept for name, kept in self.contracts.items()}
        return agreed.get(holder.key, agreed.get(holder.domain, self.keep)) == "hash"

    @property
    def any_hash(self) -> bool:
        """Whether there is any such holder."""
        return self.keep == "hash" or "hash" in self.contracts.values()


class VirusSection(Section):
    """The virus scanner: a clamd that we start, or one that runs already (VI-4)."""

    managed: Flag = True
    """Start a clamd of our own, unprivileged; false: use the one at `socket`."""
    socket: str = ""
    """Of a clamd that runs already: the path of its socket, or `host:port`."""
    database: FilePath | None = None
    """Folder of signatures that freshclam keeps; by default that of Debian, /var/lib/clamav."""
    updates: Literal["system", "managed"] = "system"
    """Who runs freshclam: `system` for the operating system's own service (Debian: clamav-freshclam, with `Checks 24`
    for every hour), `managed` for us; then the signatures are in the data folder unless `database` says otherwise."""
    update_every: Duration = timedelta(hours=1)
    """How often, when it is us (VI-3)."""
    mirror: str = ""
    """Address of a mirror of your own, such as `http://mirror.provider.example`; by default those of ClamAV."""
    more_signatures: tuple[str, ...] = ()
    """Addresses of further signature files, beside the official ones."""
    demo_database: Flag = False
    """Use the demonstration's signatures, which find the EICAR test file and NOTHING else; only with
    `provider.sandbox`."""
    signature_age: Duration = timedelta(days=3)
    """Older signatures give no verdict: mail waits, nothing is accepted unscanned (VI-3)."""
    most_octets: Size = 100 * MIB
    """Largest message that is scanned; at least the limits of access and incoming."""

    storage_key_file: FilePath | None = None
    """Key of the storage of infected messages (VI-2): 64 hexadecimal digits, mode 0600. By default one is made in the
    data folder; keep another elsewhere, and keep a copy: without it the storage cannot be read."""

    @model_validator(mode="after")
    def _one_scanner(self) -> Self:
        if self.managed == bool(self.socket):
            raise ValueError("give socket and managed = false, or neither")
        if self.demo_database and self.database is not None:
            raise ValueError("demo_database has signatures of its own: leave database out")
        return self


class WorkersSection(Section):
    """The processes that check, scan, compose, seal and deliver."""

    count: Count = 1
    """Processes; each reads the signing key."""
    batch: Annotated[int, Field(strict=True, ge=1, le=64)] = 64
    """Jobs that are made durable together."""
    lanes: Count | None = None
    """Batches at once in each process: while one waits for disk or scanner, another goes on. Unless it is set: two
    where there is one process, and one in each of several, which go on for each other."""
    threads: Count = 1
    """Steps of one batch at once: more than one where scanning takes long."""

    @property
    def lanes_each(self) -> int:
        """How many batches each process does at once."""
        return self.lanes or (2 if self.count == 1 else 1)


class ClockSection(Section):
    """The clock that every receipt shows."""

    guard: Literal["kernel", "off"] = "kernel"
    """`kernel`: while the kernel does not say that a time service (chrony, systemd-timesyncd) keeps the clock, or after
    it has jumped, mail is put off with 451 and nothing is issued (TI-1). `off`: only where somebody else keeps it."""


class LogSection(Section):
    """Diagnostics for operators: JSON lines on standard error, never an address or a subject."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important line that is written; `debug` adds one for each step."""
    file: FilePath | None = None
    """Write them to this file too, at its end. To rotate it, copy and truncate."""
    stderr: Flag = True
    """Whether they are written on standard error."""
