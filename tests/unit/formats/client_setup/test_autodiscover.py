"""What Outlook asks and gets; what is no request of Outlook's is refused before anything is expanded or fetched."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ceralacca.core.model.address import Address
from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailService
from ceralacca.formats.client_setup import autodiscover
from ceralacca.formats.client_setup.autodiscover import BadAutodiscover, read_request, write_error, write_settings

ASKED = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
 <Request>
  <EMailAddress>mario.rossi@pec.alfa.example</EMailAddress>
  <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
 </Request>
</Autodiscover>"""
MARIO = Address("mario.rossi@pec.alfa.example")
ENTITY = '<!DOCTYPE Autodiscover [<!ENTITY a "mario.rossi@pec.alfa.example">]>'
SERVICES = (
    MailService(protocol=MailProtocol.IMAP, host="imap.alfa.example", port=993, security=ConnectionSecurity.TLS),
    MailService(
        protocol=MailProtocol.SUBMISSION, host="smtp.alfa.example", port=587, security=ConnectionSecurity.STARTTLS
    ),
)


def code(text):
    with pytest.raises(BadAutodiscover) as caught:
        read_request(text if isinstance(text, bytes) else text.encode())
    return caught.value.code


@pytest.mark.parametrize("text", [ASKED, "\ufeff" + ASKED, ASKED.partition("?>")[2], "\n " + ASKED])
def test_the_address_is_read(text):
    assert read_request(text.encode()) == MARIO


@pytest.mark.parametrize(
    "hostile",
    [
        ASKED.replace("<Autodiscover", ENTITY + "<Autodiscover", 1).replace("mario.rossi@pec.alfa.example<", "&a;<"),
        ASKED.replace("<Autodiscover", '<!DOCTYPE a SYSTEM "http://evil.example/x.dtd"><Autodiscover', 1),
        ASKED.replace("<Request>", "<!-- x --><Request>"),
        ASKED.replace("mario.rossi", "<![CDATA[mario.rossi]]>"),
        ASKED.replace("<Request>", "<?php x?><Request>"),
        ASKED.replace("mario.rossi", "&xxe;"),
        ASKED.replace("mario.rossi", "mario\x00rossi"),
        ASKED.replace("mario.rossi@pec.alfa.example", "non un indirizzo"),
        ASKED.replace("mario.rossi@pec.alfa.example", "a" * 300 + "@alfa.example"),
        ASKED.replace("</Request>", ""),
        ASKED.replace("<Request>", "<Request>" * 3000),
        ASKED + " " * autodiscover.LARGEST_REQUEST,
        ASKED.replace("utf-8", "utf-16").encode("utf-16"),
        "",
        "{}",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_request_is_invalid(hostile):
    assert code(hostile) == autodiscover.INVALID_REQUEST


def test_another_answer_than_mail_settings_is_not_given():
    assert code(ASKED.replace("responseschema/2006a", "responseschema/2021")) == autodiscover.OTHER_SCHEMA
    phone = ASKED.replace("autodiscover/outlook/requestschema", "autodiscover/mobilesync/requestschema")
    assert code(phone) == autodiscover.OTHER_SCHEMA


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_but_the_one_error_is_raised(octets):
    for whole in (octets, ASKED.encode().replace(b"mario.rossi", octets)):
        try:
            read_request(whole)
        except BadAutodiscover:
            continue


def test_the_answer_has_the_services_and_the_name_to_sign_in_with():
    namespace = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    octets = write_settings(SERVICES, MARIO)
    root = etree.fromstring(octets)
    assert root.tag == "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}Autodiscover"
    assert b"ns0:" not in octets
    told = [
        {one.tag.removeprefix(namespace): one.text for one in protocol}
        for protocol in root.iter(f"{namespace}Protocol")
    ]
    assert [(one["Type"], one["Server"], one["Port"], one["Encryption"]) for one in told] == [
        ("IMAP", "imap.alfa.example", "993", "SSL"),
        ("SMTP", "smtp.alfa.example", "587", "TLS"),
    ]
    assert {one["LoginName"] for one in told} == {MARIO.text}
    assert {one["SSL"] for one in told} == {"on"}


def test_an_error_says_its_code_and_when():
    root = etree.fromstring(write_error(autodiscover.UNKNOWN_ADDRESS, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)))
    (error,) = root.iter("{*}Error")
    assert (error.get("Time"), error.findtext("{*}ErrorCode")) == ("03:04:05.000006", "500")
