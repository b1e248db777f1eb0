"""What Thunderbird gets: every service with what it needs to connect, and no address."""

from lxml import etree

from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailService
from ceralacca.formats.client_setup.autoconfig import write_autoconfig

TLS, STARTTLS = ConnectionSecurity.TLS, ConnectionSecurity.STARTTLS
SERVICES = (
    MailService(protocol=MailProtocol.IMAP, host="imap.alfa.example", port=993, security=TLS),
    MailService(protocol=MailProtocol.POP3, host="pop.alfa.example", port=995, security=TLS),
    MailService(protocol=MailProtocol.SUBMISSION, host="smtp.alfa.example", port=465, security=TLS),
    MailService(protocol=MailProtocol.SUBMISSION, host="smtp.alfa.example", port=587, security=STARTTLS),
)


def written(**changed):
    about = {
        "domain": "pec.alfa.example",
        "provider_id": "alfa.example",
        "provider": 'Alfa & "Figli" <S.p.A.>',
        "explained": "https://pec.alfa.example/setup?a=1&b=2",
        "sentences": {"it": "Configurare", "en": "Set up"},
    }
    return etree.fromstring(write_autoconfig(SERVICES, **(about | changed)))


def test_the_services_stand_in_their_order_with_their_kind_of_tls():
    root = written()
    assert (root.tag, root.get("version")) == ("clientConfig", "1.1")
    servers = [
        (one.tag, one.get("type"), one.findtext("hostname"), one.findtext("port"), one.findtext("socketType"))
        for one in root.iterfind("emailProvider/*[hostname]")
    ]
    assert servers == [
        ("incomingServer", "imap", "imap.alfa.example", "993", "SSL"),
        ("incomingServer", "pop3", "pop.alfa.example", "995", "SSL"),
        ("outgoingServer", "smtp", "smtp.alfa.example", "465", "SSL"),
        ("outgoingServer", "smtp", "smtp.alfa.example", "587", "STARTTLS"),
    ]


def test_the_program_fills_in_the_user_name():
    names = {one.text for one in written().iterfind("emailProvider/*/username")}
    assert names == {"%EMAILADDRESS%"}


def test_names_are_text_and_never_markup():
    about = written().find("emailProvider")
    assert about.findtext("displayName") == 'Alfa & "Figli" <S.p.A.>'
    assert about.find("documentation").get("url") == "https://pec.alfa.example/setup?a=1&b=2"
    assert about.findtext("domain") == "pec.alfa.example"
