"""The settings of one probe: a TOML file of its own, since a probe runs outside the provider that it watches.

Clauses: SL-2, SL-3.
"""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ceralacca.apps.mail_client import Account
from ceralacca.apps.settings.kinds import Duration, FilePath, MailAddress, Port
from ceralacca.base.errors import UserError
from ceralacca.trust.key_files import read_secret_line

SECOND = timedelta(seconds=1)


class ProbeSettings(BaseModel):
    """What a probe is told. Paths are relative to the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,40}$")] = "probe"
    """What it is called in evidence and reports, such as `roma`: no two probes of one provider alike."""
    evidence: FilePath
    """Folder to which every walk is added."""
    address: MailAddress
    """A mailbox of the provider that nobody else uses: the probe deletes what comes to it."""
    password_file: FilePath
    """Its password, first line; mode 0600."""
    to: MailAddress | None = None
    """To whom it writes; by default to itself. A mailbox at another provider tests the way there and back."""
    server: str
    """Host of the provider, as holders type it."""
    submission_port: Port = 465
    """Implicit TLS."""
    imap_port: Port = 993
    """Implicit TLS."""
    pop3_port: Port = 995
    """Implicit TLS; 0: POP3 is not offered, and not tried."""
    ca_file: FilePath | None = None
    """Authority of the server's certificate; by default the system's."""
    webmail: str = ""
    """Address of the sign-in page, `https://...`; empty: not tried."""
    provider_config: FilePath | None = None
    """Settings of the provider, for a probe on its own machine: then directory and log look-ups are tried, too."""
    every: Duration = 30 * SECOND
    """Between the beginnings of two walks."""
    patience: Duration = 60 * SECOND
    """How long receipts may take: later ones have not come (SL-4)."""
    timeout: Duration = 10 * SECOND
    """For a server to answer."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.every < SECOND or self.patience < SECOND or self.timeout < SECOND:
            raise ValueError("every, patience and timeout are at least a second")
        if self.webmail and not self.webmail.startswith("https://"):
            raise ValueError("webmail: write https://...")
        return self

    @property
    def account(self) -> Account:
        """What a mail client is told. Raises UserError when the password cannot be read."""
        return Account(
            address=self.address,
            password=read_secret_line(self.password_file).decode("utf-8"),
            host=self.server,
            submission_port=self.submission_port,
            imap_port=self.imap_port,
            ca_file=self.ca_file,
        )


def read_probe_settings(path: Path) -> ProbeSettings:
    """Read the file. Raises UserError with every fault."""
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
        return ProbeSettings.model_validate(tree, context={"folder": path.resolve().parent})
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="name the probe's settings with --config") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: not TOML: {error}", remedy="see docs/how-to/watch-a-provider.md") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(one) for one in fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise UserError(f"{path}: {faults}", remedy="see docs/how-to/watch-a-provider.md") from error
