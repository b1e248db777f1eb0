"""The profile of Apple devices: one account, the same each time for the same address, and no password."""

import plistlib

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailService
from ceralacca.formats.client_setup.apple_profile import write_profile

SERVICES = tuple(
    MailService(protocol=protocol, host=f"{protocol}.alfa.example", port=port, security=security)
    for protocol, port, security in (
        (MailProtocol.IMAP, 993, ConnectionSecurity.TLS),
        (MailProtocol.POP3, 995, ConnectionSecurity.TLS),
        (MailProtocol.SUBMISSION, 587, ConnectionSecurity.STARTTLS),
        (MailProtocol.SUBMISSION, 465, ConnectionSecurity.TLS),
    )
)
MARIO, ANNA = Address("mario.rossi@pec.alfa.example"), Address("anna@pec.alfa.example")


def written(address, services=SERVICES):
    return write_profile(services, address, provider="Alfa & C.", title="PEC", description="Posta")


def test_the_account_has_both_servers_with_implicit_tls_and_the_address():
    profile = plistlib.loads(written(MARIO))
    (account,) = profile["PayloadContent"]
    assert (account["PayloadType"], profile["PayloadType"]) == ("com.apple.mail.managed", "Configuration")
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == (
        "imap.alfa.example",
        993,
    )
    assert (account["OutgoingMailServerHostName"], account["OutgoingMailServerPortNumber"]) == (
        "submission.alfa.example",
        465,
    )
    assert account["IncomingMailServerUseSSL"] is account["OutgoingMailServerUseSSL"] is True
    assert {account["EmailAddress"], account["IncomingMailServerUsername"], account["OutgoingMailServerUsername"]} == {
        MARIO.text
    }
    assert not [key for key in account if "Password" in key and key != "OutgoingPasswordSameAsIncomingPassword"]
    assert profile["PayloadOrganization"] == "Alfa & C."


def test_without_an_address_the_device_asks_for_it():
    (account,) = plistlib.loads(written(None))["PayloadContent"]
    assert not {"EmailAddress", "IncomingMailServerUsername"} & account.keys()


def test_an_address_has_one_profile_and_two_have_two():
    assert written(MARIO) == written(Address("Mario.Rossi@pec.alfa.example")).replace(b"Mario.Rossi@", b"mario.rossi@")
    identifiers = {plistlib.loads(written(one))["PayloadIdentifier"] for one in (MARIO, ANNA, None)}
    assert len(identifiers) == 3


def test_without_imap_there_is_no_profile():
    with pytest.raises(OurError):
        written(MARIO, SERVICES[1:])
