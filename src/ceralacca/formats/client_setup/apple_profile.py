"""The configuration profile (`.mobileconfig`) that iPhone, iPad and Mac install: one mail account, no password.

The signature around it is `trust.profile_signature`. Source: Apple, Device Management, payloads "TopLevel" and
"Mail" (`com.apple.mail.managed`). Clauses: DP-7, AP-1.
"""

import plistlib
import uuid
from typing import Final

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailService, MailServices

MEDIA_TYPE: Final = "application/x-apple-aspen-config"
_ACCOUNT: Final = "com.apple.mail.managed"


def write_profile(
    services: MailServices, address: Address | None, *, provider: str, title: str, description: str
) -> bytes:
    """Return the profile, not signed.

    Without an address the device asks for it, and in any case for the password. The same address gives the same
    octets, so that installing it again replaces the account and makes no second one. Raises OurError when IMAP or
    submission is not among the services.
    """
    incoming, outgoing = _first(services, MailProtocol.IMAP), _first(services, MailProtocol.SUBMISSION)
    whose = address.key if address else ""
    identifier = ".".join(["pec", *reversed(incoming.host.split("."))])
    account: dict[str, object] = {
        "PayloadType": _ACCOUNT,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.account",
        "PayloadUUID": _uuid(incoming.host, whose, _ACCOUNT),
        "PayloadDisplayName": title,
        "EmailAccountDescription": address.text if address else provider,
        "EmailAccountType": "EmailTypeIMAP",
        "IncomingMailServerHostName": incoming.host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": outgoing.host,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingPasswordSameAsIncomingPassword": True,
        "SMIMEEnabled": False,
    }
    if address is not None:
        account |= {
            "EmailAddress": address.text,
            "IncomingMailServerUsername": address.text,
            "OutgoingMailServerUsername": address.text,
        }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier if address is None else f"{identifier}.{_uuid(incoming.host, whose, '')}",
        "PayloadUUID": _uuid(incoming.host, whose, "Configuration"),
        "PayloadDisplayName": title,
        "PayloadDescription": description,
        "PayloadOrganization": provider,
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile, fmt=plistlib.FMT_XML, sort_keys=True)


def _first(services: MailServices, protocol: MailProtocol) -> MailService:
    found = [
        one for one in services if one.protocol is protocol and one.security is ConnectionSecurity.TLS
    ]  # the profile has one switch for TLS, and the device then begins with it where the port says so
    if not found:
        raise OurError(f"there is no {protocol} with TLS to set up")
    return found[0]


def _uuid(host: str, whose: str, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{what}|{whose}|{host}")).upper()
