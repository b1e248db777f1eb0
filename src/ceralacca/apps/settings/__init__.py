"""The settings of one provider: one TOML file, read once, frozen; unknown keys refuse to start.

`read_settings` reads a file; everything else takes a `Settings`. The reference page
`docs/reference/configuration.md` is made from the text under each field (`settings.page`).
"""

from typing import Self

from pydantic import Field, model_validator

from ceralacca.apps.settings import sections as part
from ceralacca.apps.settings.clients_section import ClientsSection
from ceralacca.apps.settings.log_sections import MessageLogSection
from ceralacca.apps.settings.notices_section import NoticesSection
from ceralacca.apps.settings.service_levels import MetricsSection, ServiceLevelsSection
from ceralacca.apps.settings.site_section import SiteSection
from ceralacca.apps.settings.web_section import WebSection


class Settings(part.Section):
    """Everything that an operator decides."""

    provider: part.ProviderSection
    data: part.DataSection
    keys: part.KeysSection
    trust: part.TrustSection
    directory: part.DirectorySection
    tls: part.TlsSection
    access: part.AccessSection = Field(default_factory=part.AccessSection)
    incoming: part.IncomingSection = Field(default_factory=part.IncomingSection)
    relay: part.RelaySection = Field(default_factory=part.RelaySection)
    deadlines: part.DeadlineSection = Field(default_factory=part.DeadlineSection)
    mailboxes: part.MailboxesSection = Field(default_factory=part.MailboxesSection)
    receipts: part.ReceiptsSection = Field(default_factory=part.ReceiptsSection)
    web: WebSection = Field(default_factory=WebSection)
    notices: NoticesSection = Field(default_factory=NoticesSection)
    clients: ClientsSection = Field(default_factory=ClientsSection)
    virus: part.VirusSection = Field(default_factory=part.VirusSection)
    workers: part.WorkersSection = Field(default_factory=part.WorkersSection)
    clock: part.ClockSection = Field(default_factory=part.ClockSection)
    message_log: MessageLogSection = Field(default_factory=MessageLogSection)
    log: part.LogSection = Field(default_factory=part.LogSection)
    service_levels: ServiceLevelsSection = Field(default_factory=ServiceLevelsSection)
    metrics: MetricsSection = Field(default_factory=MetricsSection)
    site: SiteSection | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.virus.demo_database and not self.provider.sandbox:
            raise ValueError(
                "virus.demo_database: the demonstration's signatures find nothing but a test file; "
                "real mail needs real ones (or set provider.sandbox)"
            )
        if self.web.import_private and not self.provider.sandbox:
            raise ValueError(
                "web.import_private: anybody with a mailbox could look into your network "
                "(leave it out, or set provider.sandbox)"
            )
        if self.notices.webhook_private and not self.provider.sandbox:
            raise ValueError(
                "notices.webhook_private: anybody with a mailbox could call into your network "
                "(leave it out, or set provider.sandbox)"
            )
        if self.virus.most_octets < max(self.access.size, self.incoming.size):
            raise ValueError(
                "virus.most_octets: below access.size or incoming.size; larger mail would never be scanned"
            )
        if self.site is not None and not self.data.database:
            raise ValueError("site: two sites need PostgreSQL: give data.database")
        if self.site is not None and self.site.mirror == self.data.folder:
            raise ValueError("site.mirror: that is this site's own data folder")
        return self
