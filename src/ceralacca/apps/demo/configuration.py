"""The settings file of each provider of the nation, as an operator would write it.

Written anew at every start: the ports may be others. Checked by reading it back.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ceralacca.apps.authority.directory_manager import DIRECTORY_PATH
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.demo.cast import GAMMA, ORDINARY_DOMAIN, POST_HOST, UNREACHED, Provider
from ceralacca.apps.demo.ports import HOST, Ports, ProviderPorts
from ceralacca.apps.settings.page import toml_value

Table = dict[str, object]

_HEAD = "# TEST. Written by `pec demo` at every start: changes are lost. Every key: docs/reference/configuration.md.\n"


def settings_file(provider: Provider, sandbox: Sandbox, folder: Path, ports: Ports, running: Sequence[Provider]) -> str:
    """Return the settings of one provider whose folder is `folder`, in a nation where these run."""
    own = ports.provider(provider.key)
    http, https = ports.authority
    tables: dict[str, Table] = {
        "provider": {
            "name": provider.name,
            "address": provider.address,
            "service_mailbox": provider.service_mailbox,
            "hostname": provider.hostname,
            "sandbox": True,
        },
        "data": {"folder": folder / "data"},
        "keys": {"certificate": folder / "keys" / "certificate.pem", "key": folder / "keys" / "key.pem"},
        "trust": {
            "anchors": tuple(sandbox.public / f"{name}.pem" for name in (ROOT, INTERMEDIATE)),
            "crl_urls": tuple(f"http://{HOST}:{http}/{name}.crl" for name in (ROOT, INTERMEDIATE)),
        },
        "directory": {
            "url": f"https://{HOST}:{https}{DIRECTORY_PATH}",
            "manager": (sandbox.public / "directory-manager.pem",),
            "client_certificate": folder / "tls" / "certificate.pem",
            "client_key": folder / "tls" / "key.pem",
            "server_ca": sandbox.tls_roots,
            "drop_percent": 100,
        },
        "tls": {"certificate": folder / "tls" / "certificate.pem", "key": folder / "tls" / "key.pem"},
        "access": {"host": HOST, "port": own.submissions, "starttls_port": own.starttls},
        "incoming": {"host": HOST, "port": own.incoming},
        "relay": {"ca_file": sandbox.tls_roots, "dns": False},
        **_routes(provider, ports, running),
        "mailboxes": {"host": HOST, "imap_port": own.imap, "pop3_port": own.pop3},
        "web": {
            "enabled": True,
            "host": HOST,
            "port": own.web,
            "ca_file": sandbox.tls_roots,
            "import_private": True,
            "import_ca_file": sandbox.tls_roots,
        },
        "clients": _clients(own),
        "notices": {
            "sender": f"no-reply@{ORDINARY_DOMAIN}",
            "webhook_ca_file": sandbox.tls_roots,
            "webhook_private": True,
        },
        "virus": {"demo_database": True},
        "clock": {"guard": "off"},  # the nation has one clock, whoever keeps it, and proves nothing to anybody
        "message_log": {"node": provider.key, "seal_every": timedelta(seconds=5)},
        "message_log.keys": {
            "certificate": folder / "log-keys" / "certificate.pem",
            "key": folder / "log-keys" / "key.pem",
        },
        "message_log.time_stamps": {"url": f"http://{HOST}:{http}/tsa"},
        "message_log.witness": {"folder": folder / "witness"},
        "log": {"level": "info", "file": folder / "pec.log", "stderr": False},
    }
    return _HEAD + "".join(_table(name, table) for name, table in tables.items())


def _clients(own: ProviderPorts) -> Table:
    """Tell mail programs what works on this machine: the invented host names do not."""
    places = {"imap": own.imap, "pop3": own.pop3, "submissions": own.submissions, "submission": own.starttls}
    told: Table = {name: f"localhost:{port}" for name, port in places.items()}
    return told | {"web": f"https://localhost:{own.web}"}


def _routes(provider: Provider, ports: Ports, running: Sequence[Provider]) -> dict[str, Table]:
    """Send mail for each provider to its port; what is ordinary, and Gamma's on paper, to the ordinary server."""
    routes: dict[str, tuple[int, str]] = {}
    reached = (ORDINARY_DOMAIN, *(one for one in GAMMA.all_domains if one != UNREACHED.domain))
    routes |= dict.fromkeys(reached, (ports.ordinary, POST_HOST))
    for other in running:
        if other is not provider:
            incoming = ports.provider(other.key).incoming
            routes |= dict.fromkeys(other.all_domains, (incoming, other.hostname))
    return {
        f'relay.routes."{domain}"': {"host": HOST, "port": port, "name": name}
        for domain, (port, name) in routes.items()
    }


def _table(name: str, values: Table) -> str:
    lines = "".join(f"{key} = {toml_value(value)}\n" for key, value in values.items())
    return f"\n[{name}]\n{lines}"
