"""The section of notices to holders by ordinary ways (see `sections`)."""

from ceralacca.apps.settings.kinds import MailAddress
from ceralacca.apps.settings.sections import Section


class NoticesSection(Section):
    """Notices to holders by ordinary ways: that a certified message came, that a mailbox fills up, a new place."""

    sender: MailAddress | None = None
    """Ordinary address that they come from, such as `no-reply@provider.example`: outside PEC, in a domain whose SPF
    lets this machine send. Without it none goes out by e-mail."""
