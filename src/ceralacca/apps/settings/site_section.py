"""The section of two sites (see `sections`).

Clauses: SL-6.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from ceralacca.apps.settings.kinds import Duration, FilePath
from ceralacca.apps.settings.sections import Section


class SiteSection(Section):
    """This site, where a second one can take over (SL-6): what is answered is durable in both before it is answered.

    Needs PostgreSQL with a synchronous standby in the other site. Set up and rehearsed as in
    docs/how-to/second-site.md; without this table there is one site.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    """What this site is called: in states, alarms and the audit trail."""
    mirror: FilePath
    """The other site's data folder as it is mounted here, over a file system that makes `fsync` durable over there."""
    follow_every: Duration = timedelta(minutes=5)
    """How often the mirror follows in what holders do with their mailboxes. Messages and receipts never wait for it."""
