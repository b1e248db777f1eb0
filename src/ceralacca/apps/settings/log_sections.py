"""The sections of the settings file about the seals of message log and audit trail.

Clauses: LO-4 to LO-6, SE-4.
"""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from ceralacca.apps.settings.kinds import Duration, FilePath
from ceralacca.apps.settings.sections import KeysSection, Section


class TimeStampsSection(Section):
    """The time-stamping authority that stamps each file of the log (RFC 3161, LO-4)."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    """Address that requests are posted to."""
    server_ca: FilePath | None = None
    """Authority of its server, PEM; needed for an https address only."""
    anchors: tuple[FilePath, ...] = ()
    """Authorities of the stamps, PEM or DER, with their CRLs; by default those of `trust`."""
    policy: str | None = None
    """Object identifier of the policy that stamps must be under; any other stamp is refused."""
    user: str = ""
    """Name that we show to the server, where it wants one."""
    password_file: FilePath | None = None
    """File whose first line is the password; mode 0600."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.url.startswith("https://") and self.server_ca is None:
            raise ValueError("url: an https address needs server_ca")
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("give user and password_file, or neither")
        return self


class WitnessSection(Section):
    """A second place that keeps the signed head of every block of the log: numbers and hashes, no row."""

    folder: FilePath | None = None
    """A folder, best on a disk that this machine cannot delete from."""
    url: Annotated[str, Field(pattern=r"^https://")] | None = None
    """Or a server, which gets one POST a block at `url/name`."""
    server_ca: FilePath | None = None
    """Authority of the server, PEM."""
    client_certificate: FilePath | None = None
    """Certificate that we show to the server, PEM."""
    client_key: FilePath | None = None
    """Its key; mode 0600."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.url is None):
            raise ValueError("give folder or url")
        if (self.url is None) != (self.server_ca is None):
            raise ValueError("a url and its server_ca belong together")
        return self


class MessageLogSection(Section):
    """The seals over message log and audit trail: the proof of what happened (LO-4 to LO-6). The timekeeper makes them.

    Without a key nothing is sealed, and `pec doctor` says so. `pec log seal` and `pec log verify` belong to it.
    """

    keys: KeysSection | None = None
    """The log's own key, in a file or in a token, as in `keys`; never the key of the messages (LO-6)."""
    node: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,40}$")] = ""
    """Name of this provider in rows and names of files; by default the first label of `provider.hostname`."""
    seal_every: Duration = timedelta(seconds=60)
    """How often new rows are put into a block. A file is made of them each day at midnight UTC (LO-4)."""
    time_stamps: TimeStampsSection | None = None
    """Who stamps the files; without one they are signed only, and `pec doctor` says so."""
    witness: WitnessSection | None = None
    """Who else keeps the heads of the blocks."""

    @model_validator(mode="after")
    def _often_enough(self) -> Self:
        if not timedelta(seconds=1) <= self.seal_every <= timedelta(hours=1):
            raise ValueError("seal_every: between 1s and 1h")
        return self
