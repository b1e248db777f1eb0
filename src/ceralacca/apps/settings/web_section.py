"""The section of the web pages (see `sections`).

Clauses: SE-3, DP-7.
"""

from datetime import timedelta

from ceralacca.apps.settings.kinds import Duration, FilePath, Flag, Port
from ceralacca.apps.settings.sections import Section


class WebSection(Section):
    """The web pages of mailbox holders: read, write, follow what was sent, keep the proof."""

    enabled: Flag = False
    """Whether `pec serve` offers them."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 443
    """HTTPS, with the certificate of `[tls]`; 0 for any free port."""
    ca_file: FilePath | None = None
    """Authority of the certificate in `[tls]`, with which the pages verify our own IMAP and submission; without it the
    system's."""
    factor_key_file: FilePath | None = None
    """Key of the holders' second factors: 64 hexadecimal digits, mode 0600, the same for every host that serves the
    pages. Without it one is made in the data folder at the first start. Keep a copy: without it every holder has to set
    them up anew."""
    idle_time: Duration = timedelta(minutes=30)
    """A sign-in ends when nobody uses it for so long."""
    session_time: Duration = timedelta(hours=12)
    """A sign-in ends after so long in any case."""
    document_anchors: tuple[FilePath, ...] = ()
    """Files or folders with certificates of authorities whose signatures on documents (`.p7m`) are told as vouched for.
    Without them the pages say that nobody was asked who the signer is."""
    import_ca_file: FilePath | None = None
    """Authority of the certificates of servers that mail is imported from; without it the system's."""
    import_private: Flag = False
    """Sandboxes only: mail may be imported from any address and port, this machine's too. Else from public ones."""
