"""The section of notices to holders by ordinary ways (see `sections`)."""

from ceralacca.apps.settings.kinds import FilePath, Flag, MailAddress
from ceralacca.apps.settings.sections import Section


class NoticesSection(Section):
    """Notices to holders by ordinary ways: that a certified message came, that a mailbox fills up, a new place."""

    sender: MailAddress | None = None
    """Ordinary address that they come from, such as `no-reply@provider.example`: outside PEC, in a domain whose SPF
    lets this machine send. Without it none goes out by e-mail."""
    webhooks: Flag = True
    """Whether holders may have a server of their own called: by HTTPS, at public addresses, on port 443 or 8443."""
    webhook_ca_file: FilePath | None = None
    """Authority of the certificates of those servers; without it the system's."""
    webhook_private: Flag = False
    """Sandboxes only: any address and port will do, this machine's too."""
    key_file: FilePath | None = None
    """Key that the secrets of webhooks are kept under, of the form of the virus storage's; by default `notices.key` in
    the data folder, made at the first start."""
