"""The `clientConfig` document that Thunderbird, and others after it, look for.

Source: the format's own page, "Autoconfiguration in Thunderbird", version 1.1. Clauses: DP-7, AP-1.
"""

from typing import Final

from lxml import etree

from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailServices

MEDIA_TYPE: Final = "text/xml; charset=utf-8"
_TYPES: Final = {MailProtocol.IMAP: "imap", MailProtocol.POP3: "pop3", MailProtocol.SUBMISSION: "smtp"}
_SECURITY: Final = {ConnectionSecurity.TLS: "SSL", ConnectionSecurity.STARTTLS: "STARTTLS"}


def write_autoconfig(
    services: MailServices, *, domain: str, provider_id: str, provider: str, explained: str, sentences: dict[str, str]
) -> bytes:
    """Return the document for one mail domain.

    Args:
        services: in the order of preference.
        domain: the part of the address behind the `@`.
        provider_id: the provider's own domain.
        provider: its name, as people know it.
        explained: address of the page that explains the values.
        sentences: by language, what that page is.

    The user name is `%EMAILADDRESS%`, which the program fills in: no address stands in the answer.
    """
    root = etree.Element("clientConfig", version="1.1")
    about = etree.SubElement(root, "emailProvider", id=provider_id)
    _text(about, "domain", domain)
    _text(about, "displayName", provider)
    _text(about, "displayShortName", provider[:40])
    for service in services:
        outgoing = service.protocol is MailProtocol.SUBMISSION
        server = etree.SubElement(
            about, "outgoingServer" if outgoing else "incomingServer", type=_TYPES[service.protocol]
        )
        _text(server, "hostname", service.host)
        _text(server, "port", str(service.port))
        _text(server, "socketType", _SECURITY[service.security])
        _text(server, "authentication", "password-cleartext")  # inside TLS
        _text(server, "username", "%EMAILADDRESS%")
    page = etree.SubElement(about, "documentation", url=explained)
    for language, sentence in sentences.items():
        _text(page, "descr", sentence, lang=language)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _text(parent: etree._Element, name: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, name, attrib=attributes).text = text
