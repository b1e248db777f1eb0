"""`pec domain dns`: the DNS records that a served domain should publish, so that mail and mail programs find us."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.errors import UserError


def dns_command(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A mail domain that is served.")],
    *,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Print the DNS records to publish for a domain, as lines of a zone file.

    MX, the services of RFC 6186 and RFC 8314, and where Thunderbird and Outlook ask for settings. Nothing is changed.
    """
    from ceralacca.apps.client_settings import mail_services, web_place  # noqa: PLC0415
    from ceralacca.formats.client_setup.dns_records import client_records  # noqa: PLC0415

    words, name = words_of(lang), domain.lower()
    settings = load_settings(config, words)
    with closing(open_store_of(config, words)) as store:
        if name not in store.domains():
            raise UserError(f"{domain} is not served here", remedy="pec domain list shows what is")
    records = client_records(
        name,
        mail_services(settings),
        exchangers=tuple(dict.fromkeys((settings.provider.hostname, *settings.incoming.exchangers))),
        web=web_place(settings),
    )
    if as_json:
        write_json([asdict(record) for record in records])
        return
    print(f"; {words('administer', 'dns_records', domain=name)}")
    for record in records:
        print(record)
    print(f"; {words('administer', 'dns_certificate', domain=name, host=web_place(settings)[0])}")
