"""What holders were promised, and what is watched of it: terms of acceptance, figures for Prometheus.

Clauses: SL-2 to SL-4.
"""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from ceralacca.apps.settings.kinds import Duration, FilePath, MailAddress, Port
from ceralacca.apps.settings.sections import Section
from ceralacca.core.acceptance_time import Terms


class ContractSection(Section):
    """One kind of contract."""

    acceptance: Duration
    """Within this time of the submission the acceptance receipt is in the mailbox (SL-4)."""
    domains: tuple[str, ...] = ()
    """Whose mailboxes have this contract."""
    mailboxes: tuple[MailAddress, ...] = ()
    """That have it, whatever their domain has."""


class ServiceLevelsSection(Section):
    """What was agreed with holders (SL-4)."""

    acceptance: Duration = timedelta(seconds=60)
    """Term of the acceptance receipt where no contract says otherwise."""
    contracts: dict[str, ContractSection] = Field(default_factory=dict)
    """By name of the contract."""

    @model_validator(mode="after")
    def _one_contract_each(self) -> Self:
        said = [one.key for each in self.contracts.values() for one in each.mailboxes]
        said += [one.lower() for each in self.contracts.values() for one in each.domains]
        twice = {one for one in said if said.count(one) > 1}
        if twice:
            raise ValueError(f"in two contracts: {', '.join(sorted(twice))}")
        return self

    def terms(self) -> Terms:
        """Return what the times are held against."""
        return Terms(
            usual=self.acceptance,
            by_contract={name: one.acceptance for name, one in self.contracts.items()},
            mailboxes={each.key: name for name, one in self.contracts.items() for each in one.mailboxes},
            domains={each.lower(): name for name, one in self.contracts.items() for each in one.domains},
        )


class MetricsSection(Section):
    """Figures for Prometheus, in a process of its own.

    Whoever can reach the address can read them. No mail address and no identifier is among them; keep it inside anyway.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port | None = None
    """Port of `http://host:port/metrics`; 0 for any free port; without it there is no such process."""
    evidence: tuple[FilePath, ...] = ()
    """Folders of `pec probe`, on this machine or brought here: then availability is among the figures, and
    `pec availability` finds them."""
