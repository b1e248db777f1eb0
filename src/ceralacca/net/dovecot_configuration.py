"""Dovecot's configuration, written by us: one template for one version of its language, 2.3.

Dovecot runs without privileges, as one user; listens with TLS only; asks our sign-in and nobody else; shows
mailboxes that `store.maildir` fills. Its log names sessions, never mailboxes.

The language of the file changed in Dovecot 2.4, which is refused here until a template of its own exists.

No Sieve, no vacation replies, no forwards, no delivery through Dovecot: nothing acts on a message before or after it
is stored but its holder (DP-8).

Clauses: DP-7 (protected channels only), DP-8, MO-9.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ceralacca.base.errors import UserError

_PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9._/+@-]*")
_VERSION: Final = re.compile(r"2\.3\.[0-9]+")

ALWAYS_CACHED: Final = (
    "x-riferimento-message-id",
    "x-ricevuta",
    "x-tiporicevuta",
    "x-trasporto",
    "message-id",
    "from",
    "subject",
)
"""Header fields that are answered from the index: what protocol offices, and holders on the web pages, search by."""

_TEMPLATE: Final = """\
# Written at every start: changes are lost.
base_dir = {base}
state_dir = {base}
log_path = {log}
log_timestamp = "%Y-%m-%dT%H:%M:%S%z "
protocols = imap pop3
listen = {host}

# DP-7: protected channels only.
ssl = required
ssl_min_protocol = TLSv1.2
ssl_cert = <{certificate}
ssl_key = <{private_key}
disable_plaintext_auth = yes

# One user without privileges for everything.
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = {uid}
last_valid_uid = {uid}
first_valid_gid = {gid}
last_valid_gid = {gid}

# No addresses in the log: a session's number leads from line to line.
login_log_format_elements = session=<%{{session}}> rip=%r %c
mail_log_prefix = "%s<%{{pid}}><%{{session}}>: "
auth_verbose = no
login_greeting = Ceralacca

mail_location = maildir:~/Maildir
maildir_very_dirty_syncs = yes
mail_always_cache_fields = {cached}
mail_max_userip_connections = {connections}
mail_plugins = quota

namespace inbox {{
  inbox = yes
  separator = /
  mailbox Inviata {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox Bozze {{
    special_use = \\Drafts
    auto = subscribe
  }}
  mailbox Cestino {{
    special_use = \\Trash
    auto = subscribe
  }}
  mailbox Archivio {{
    special_use = \\Archive
    auto = subscribe
  }}
}}

plugin {{
  quota = maildir:Casella
  quota_exceeded_message = Casella piena: spostare o eliminare dei messaggi
}}

protocol imap {{
  mail_plugins = quota imap_quota
}}

service imap-login {{
  executable = imap-login {login_socket}
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  executable = pop3-login {login_socket}
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap {{
  executable = imap -a {master_socket}
  process_limit = {processes}
}}
service pop3 {{
  executable = pop3 -a {master_socket}
  process_limit = {processes}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUser:
    """The user that Dovecot runs as and that mailboxes belong to."""

    name: str
    group: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DovecotSettings:
    """Where Dovecot lives and what it shows."""

    run_folder: Path
    """Sockets, certificate, configuration: ours alone, with a short name (a socket's path has at most 108 octets)."""
    log: Path
    certificate: Path
    """PEM, with its chain."""
    private_key: Path
    host: str = "127.0.0.1"
    imaps_port: int = 993
    pop3s_port: int = 995
    connections_of_one: int = 20
    """At most so many connections of one mailbox from one address."""
    processes: int = 1000
    """At most so many IMAP and so many POP3 sessions."""

    @property
    def login_socket(self) -> Path:
        """Where Dovecot's login processes ask our sign-in."""
        return self.run_folder / "login.sock"

    @property
    def master_socket(self) -> Path:
        """Where Dovecot's mail processes ask it."""
        return self.run_folder / "mailbox.sock"

    @property
    def base(self) -> Path:
        """Dovecot's own sockets; it removes strange ones from there."""
        return self.run_folder / "base"

    @property
    def configuration(self) -> Path:
        """The generated file."""
        return self.run_folder / "dovecot.conf"


def write_configuration(settings: DovecotSettings, user: ServerUser) -> str:
    """Return the configuration. Raises UserError when a path could be read as something else than a path."""
    paths = {
        "base": settings.base,
        "log": settings.log,
        "certificate": settings.run_folder / "tls.crt",
        "private_key": settings.run_folder / "tls.key",
        "login_socket": settings.login_socket,
        "master_socket": settings.master_socket,
    }
    return _TEMPLATE.format(
        **{name: _plain_path(path) for name, path in paths.items()},
        host=settings.host,
        user=user.name,
        group=user.group,
        uid=user.uid,
        gid=user.gid,
        imaps=settings.imaps_port,
        pop3s=settings.pop3s_port,
        connections=settings.connections_of_one,
        processes=settings.processes,
        cached=" ".join(f"hdr.{name}" for name in ALWAYS_CACHED),
    )


def check_version(answer: str) -> str:
    """Return the version that `dovecot --version` named. Raises UserError when the template is not for it."""
    version = answer.split(" ", 1)[0].strip()
    if not _VERSION.match(version):
        raise UserError(
            f"Dovecot {version or 'of unknown version'} is not supported: its configuration is not that of 2.3",
            remedy="install Dovecot 2.3, as Debian 12 has it: apt-get install dovecot-imapd dovecot-pop3d",
        )
    return version


def _plain_path(path: Path) -> str:
    if not _PLAIN_PATH.fullmatch(str(path)):
        raise UserError(f"{path} cannot stand in Dovecot's configuration", remedy="give a path of plain characters")
    return str(path)
