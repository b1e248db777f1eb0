"""Set-up of mail programs over the running web role: the programs' own questions, the page, the profile."""

import plistlib
import subprocess

import pytest
from lxml import etree

from ceralacca.apps.demo.cast import ANNA, BETA, MARIO, OUTSIDER
from ceralacca.core.model.address import Address

pytestmark = [pytest.mark.system, pytest.mark.slow]

NOBODY = Address("mai.esistito@pec.alfa.example")
CONFIG = "/.well-known/autoconfig/mail/config-v1.1.xml"
DISCOVER = "/autodiscover/autodiscover.xml"
ASKED = (
    '<?xml version="1.0" encoding="utf-8"?><Autodiscover '
    'xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    "<EMailAddress>{}</EMailAddress><AcceptableResponseSchema>"
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    "</AcceptableResponseSchema></Request></Autodiscover>"
)


@pytest.fixture
def stranger(visitor):
    return visitor(MARIO, signed_in=False).http


def asked(http, path, address):
    return http.post(path, content=ASKED.format(address), headers={"Content-Type": "text/xml"})


@pytest.mark.requirement("DP-7", "AP-1")
@pytest.mark.parametrize("path", [CONFIG, "/mail/config-v1.1.xml"])
def test_thunderbird_gets_servers_that_answer(stranger, running, path):
    answer = stranger.get(path, params={"emailaddress": MARIO.text})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    root, ports = etree.fromstring(answer.content), running.nation.ports.provider("alfa")
    told = [
        (one.get("type"), one.findtext("hostname"), int(one.findtext("port"))) for one in root[0].iterfind("*[port]")
    ]
    assert told == [
        ("imap", "localhost", ports.imap),
        ("pop3", "localhost", ports.pop3),
        ("smtp", "localhost", ports.submissions),
        ("smtp", "localhost", ports.starttls),
    ]
    assert MARIO.text not in answer.text


def test_the_host_says_the_domain_where_the_program_does_not(stranger):
    answer = stranger.get("/mail/config-v1.1.xml", headers={"Host": "autoconfig.comune.alfa.example"})
    assert etree.fromstring(answer.content).findtext("emailProvider/domain") == "comune.alfa.example"
    for host in ("autoconfig.altrove.example", "localhost"):
        assert stranger.get(CONFIG, headers={"Host": host}).status_code == 404


@pytest.mark.requirement("DP-7", "AP-1")
@pytest.mark.parametrize("path", [DISCOVER, "/Autodiscover/Autodiscover.xml"])
def test_outlook_gets_servers(stranger, running, path):
    answer = asked(stranger, path, MARIO)
    assert answer.status_code == 200
    found = {one.findtext("{*}Type"): one for one in etree.fromstring(answer.content).iter("{*}Protocol")}
    assert int(found["IMAP"].findtext("{*}Port")) == running.nation.ports.provider("alfa").imap
    assert found["POP3"].findtext("{*}LoginName") == MARIO.text


def test_version_2_points_to_it(stranger, running):
    site = f"https://localhost:{running.nation.ports.provider('alfa').web}"
    for path in ("/autodiscover/autodiscover.json", f"/autodiscover/autodiscover.json/v1.0/{NOBODY}"):
        answer = stranger.get(path, params={"Protocol": "AutodiscoverV1", "Email": NOBODY.text})
        assert answer.json() == {"Protocol": "AutodiscoverV1", "Url": site + DISCOVER}
    assert stranger.get("/autodiscover/autodiscover.json", params={"Protocol": "Ews"}).status_code == 400


def test_nothing_tells_who_has_a_mailbox(stranger):
    """threats.md 41: what is answered differs in the address that was given, and in nothing else."""

    def answers(address):
        return [
            (answer.status_code, answer.text.replace(address.text, "X"))
            for answer in (
                stranger.get(CONFIG, params={"emailaddress": address.text}),
                asked(stranger, DISCOVER, address),
                stranger.get("/autodiscover/autodiscover.json", params={"Protocol": "x", "Email": address.text}),
            )
        ]

    assert answers(MARIO) == answers(NOBODY) == answers(Address(f"x@{MARIO.domain}"))
    for other in (OUTSIDER, ANNA):
        assert [status for status, _ in answers(other)] == [404, 200, 400]
        assert "<ErrorCode>500" in asked(stranger, DISCOVER, other).text

    profiles = {
        address: stranger.get("/setup/pec.mobileconfig", params={"address": address.text}).status_code
        for address in (MARIO, NOBODY, OUTSIDER, ANNA)
    }
    assert list(profiles.values()) == [200, 200, 404, 404]


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + ASKED.format("&b;").partition("?>")[2],
        '<!DOCTYPE a [<!ENTITY l "l"><!ENTITY m "&l;&l;&l;">]>' + ASKED.format("&m;").partition("?>")[2],
        ASKED.format("x@y.example") + " " * 200_000,
        ASKED.format("&#60;script&#62;@pec.alfa.example"),
        "form_token=1&address=2",
        "",
    ],
)
def test_hostile_xml_is_refused(stranger, hostile):
    answer = stranger.post(DISCOVER, content=hostile)
    assert answer.status_code == 400
    assert "<ErrorCode>600" in answer.text
    assert "script" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.requirement("DP-7", "AP-1")
def test_the_profile_is_signed_by_the_site_and_has_no_password(visitor, running, tmp_path):
    answer = visitor(ANNA).http.get("/setup/pec.mobileconfig", params={"address": ANNA.text})
    assert answer.headers["Content-Type"] == "application/x-apple-aspen-config"
    assert answer.headers["Content-Disposition"] == "attachment; filename=pec.mobileconfig"
    (tmp_path / "profile").write_bytes(answer.content)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "profile", "-purpose", "any"]
    command += ["-CAfile", running.nation.trusted, "-out", tmp_path / "content", "-signer", tmp_path / "signer"]
    subprocess.run(command, check=True, capture_output=True)
    (account,) = plistlib.loads((tmp_path / "content").read_bytes())["PayloadContent"]
    assert account["EmailAddress"] == ANNA.text
    assert account["IncomingMailServerPortNumber"] == running.nation.ports.provider("beta").imap
    served = (running.nation.folder / BETA.key / "tls" / "certificate.pem").read_text()
    assert (tmp_path / "signer").read_text().strip() in served
    assert running.nation.passwords[ANNA].encode() not in (tmp_path / "content").read_bytes()


def test_the_page_says_the_values_to_everybody(open_screen, running):
    ports = running.nation.ports.provider("alfa")
    with open_screen(MARIO, sign_in=False, scripts=False) as screen:
        page = screen.go("/sign-in")
        page.click("footer a[href='/setup']")
        assert "l'indirizzo PEC completo" in page.inner_text("main")
        for port in (ports.imap, ports.pop3, ports.submissions, ports.starttls):
            assert page.locator(f"code >> text={port}").count() == 1
    with open_screen(MARIO, language="en-GB") as screen:
        page = screen.go("/setup")
        assert page.locator(f"code >> text={MARIO}").count() == 4
        assert f"address={MARIO.text.replace('@', '%40')}" in page.get_attribute(".code img >> nth=0", "alt")
        assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
        screen.is_accessible("en-4-setup")
    with open_screen(MARIO, phone=True, sign_in=False) as screen:
        page = screen.go("/setup")
        screen.is_accessible("it-7-phone-setup")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
