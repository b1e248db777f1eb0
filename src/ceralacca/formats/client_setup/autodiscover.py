"""Autodiscover, which Outlook asks: the request read with suspicion, the answer with IMAP, POP3 and SMTP.

The request comes from anybody. It is small, UTF-8, and has no markup declaration of any kind: where there can be no
DOCTYPE, entity, comment or CDATA section there is nothing to expand and nothing to fetch (threats.md 21).

Sources: [MS-OXDSCLI] 2.2.3 and 2.2.4 ("plain old XML"); the JSON of version 2 only points to it. Clauses: DP-7, AP-1.
"""

import re
from datetime import datetime
from typing import Any, Final

from lxml import etree

from ceralacca.base.errors import PeerError
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailServices

MEDIA_TYPE: Final = "text/xml; charset=utf-8"
LARGEST_REQUEST: Final = 16 * 1024
"""Octets; real ones have a few hundred."""
_REQUEST: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_ENVELOPE: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_ANSWER: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_TYPES: Final = {MailProtocol.IMAP: "IMAP", MailProtocol.POP3: "POP3", MailProtocol.SUBMISSION: "SMTP"}
_ENCRYPTION: Final = {ConnectionSecurity.TLS: "SSL", ConnectionSecurity.STARTTLS: "TLS"}
_DECLARATION: Final = re.compile(r"\s*<\?xml\s[^<>?]*\?>")

UNKNOWN_ADDRESS: Final = 500
INVALID_REQUEST: Final = 600
OTHER_SCHEMA: Final = 601
_ERRORS: Final = {
    UNKNOWN_ADDRESS: "The domain of this address is not served here",
    INVALID_REQUEST: "Invalid Request",
    OTHER_SCHEMA: "Only settings of IMAP, POP3 and SMTP are given out here",
}


class BadAutodiscover(PeerError):
    """The request cannot be answered; `code` is what the answer says of it."""

    def __init__(self, code: int) -> None:
        super().__init__(_ERRORS[code])
        self.code = code


def read_request(octets: bytes) -> Address:
    """Return the address that is asked about. Raises BadAutodiscover, and nothing else, whatever the octets are."""
    if len(octets) > LARGEST_REQUEST:
        raise BadAutodiscover(INVALID_REQUEST)
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadAutodiscover(INVALID_REQUEST) from None
    declared = _DECLARATION.match(text)
    body = text[declared.end() :] if declared else text
    if "<!" in body or "<?" in body:
        raise BadAutodiscover(INVALID_REQUEST)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadAutodiscover(INVALID_REQUEST) from None
    return _asked(root)


def _asked(root: etree._Element) -> Address:
    request = root.find(f"{{{_REQUEST}}}Request")
    if request is None:  # also that of a phone's ActiveSync, which has a namespace of its own
        raise BadAutodiscover(OTHER_SCHEMA if "mobilesync" in (root.tag or "") else INVALID_REQUEST)
    if (request.findtext(f"{{{_REQUEST}}}AcceptableResponseSchema") or "").strip() != _ANSWER:
        raise BadAutodiscover(OTHER_SCHEMA)
    try:
        return Address.parse((request.findtext(f"{{{_REQUEST}}}EMailAddress") or "").strip())
    except InvalidAddress:
        raise BadAutodiscover(INVALID_REQUEST) from None


def write_settings(services: MailServices, address: Address) -> bytes:
    """Return the answer for an address of a domain that is served."""
    root = etree.Element(f"{{{_ENVELOPE}}}Autodiscover", nsmap=_own(_ENVELOPE))
    response = etree.SubElement(root, f"{{{_ANSWER}}}Response", nsmap=_own(_ANSWER))
    account = etree.SubElement(response, f"{{{_ANSWER}}}Account")
    _text(account, "AccountType", "email")
    _text(account, "Action", "settings")
    for service in services:
        protocol = etree.SubElement(account, f"{{{_ANSWER}}}Protocol")
        _text(protocol, "Type", _TYPES[service.protocol])
        _text(protocol, "Server", service.host)
        _text(protocol, "Port", str(service.port))
        _text(protocol, "DomainRequired", "off")
        _text(protocol, "LoginName", address.text)
        _text(protocol, "SPA", "off")
        _text(protocol, "SSL", "on")
        _text(protocol, "Encryption", _ENCRYPTION[service.security])
        _text(protocol, "AuthRequired", "on")
        if service.protocol is MailProtocol.SUBMISSION:
            _text(protocol, "UsePOPAuth", "on")
            _text(protocol, "SMTPLast", "off")
    return _octets(root)


def write_error(code: int, instant: datetime) -> bytes:
    """Return the answer to a request that cannot be answered."""
    root = etree.Element(f"{{{_ENVELOPE}}}Autodiscover", nsmap=_own(_ENVELOPE))
    response = etree.SubElement(root, f"{{{_ENVELOPE}}}Response")
    error = etree.SubElement(response, f"{{{_ENVELOPE}}}Error", Time=f"{instant:%H:%M:%S.%f}", Id="0")
    _text(error, "ErrorCode", str(code))
    _text(error, "Message", _ERRORS[code])
    etree.SubElement(error, f"{{{_ENVELOPE}}}DebugData")
    return _octets(root)


def _octets(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _own(namespace: str) -> Any:
    """Make a namespace the default one, as the programs expect it written; the stubs do not know that."""
    return {None: namespace}


def _text(parent: etree._Element, name: str, text: str) -> None:
    namespace, _, _ = parent.tag.rpartition("}")
    etree.SubElement(parent, f"{namespace}}}{name}").text = text
