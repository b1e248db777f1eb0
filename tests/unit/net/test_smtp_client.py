import ssl
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.model.address import Address
from ceralacca.net import smtp_client
from ceralacca.net.mail_exchangers import Exchanger, LookupDeferred, NoSuchDomain, StaticRoutes
from ceralacca.net.smtp_client import ClientSettings, SmtpClient, stuffed, tls_context
from ceralacca.ports.mail_sender import RcptResult
from ceralacca.testing.smtp_peer import SmtpPeer
from ceralacca.testing.tls import TlsAuthority

DOMAIN = "ditta.example"
MARIO = Address("mario.rossi@pec.alfa.example")
INFO, SALES = Address("info@ditta.example"), Address("vendite@ditta.example")
MESSAGE = b"Subject: Prova\r\n\r\n.una riga col punto\r\n..due\r\nfine\r\n"
SETTINGS = ClientSettings(hostname="relay.gestore-alfa.example", tls=tls_context(), timeout=5)


def client_for(*peers):
    class Hosts:
        def find(self, domain):
            assert domain == DOMAIN
            return tuple(Exchanger(name="peer.example", address="127.0.0.1", port=peer.port) for peer in peers)

    return SmtpClient(SETTINGS, Hosts())


def send(client, *, recipients=(INFO,), octets=MESSAGE, require_tls=False, reverse_path=MARIO):
    return client.send(DOMAIN, reverse_path=reverse_path, recipients=recipients, octets=octets, require_tls=require_tls)


def undone(wire):
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n"))


@pytest.mark.requirement("BT-5")
def test_a_message_arrives_octet_by_octet_on_unaltered_paths():
    with SmtpPeer() as peer:
        client = client_for(peer)
        outcomes = send(client, recipients=(INFO, SALES))
        client.close()
    assert {outcome.result for outcome in outcomes.values()} == {RcptResult.ACCEPTED}
    assert [undone(wire) for wire in peer.messages] == [MESSAGE]
    assert f"MAIL FROM:<{MARIO}> size={len(MESSAGE)}".lower() in [line.lower() for line in peer.lines]
    paths = [line.partition(":")[2] for line in peer.lines if line.upper().startswith("RCPT TO:")]
    assert paths == [f"<{INFO}>", f"<{SALES}>"]


def test_the_null_reverse_path_goes_out_as_one():
    with SmtpPeer() as peer:
        client = client_for(peer)
        send(client, reverse_path=None)
        client.close()
    assert any(line.upper().startswith("MAIL FROM:<>") for line in peer.lines)


@pytest.mark.requirement("AD-3")
def test_each_recipient_has_an_outcome_of_its_own():
    answers = {f"RCPT {SALES}": "550 5.1.1 no such mailbox"}
    with SmtpPeer(answers) as peer:
        client = client_for(peer)
        outcomes = send(client, recipients=(INFO, SALES))
        client.close()
    assert outcomes[INFO].result is RcptResult.ACCEPTED
    refused = outcomes[SALES]
    assert (refused.result, refused.code, refused.enhanced) == (RcptResult.FAILED, 550, "5.1.1")
    assert refused.text == "no such mailbox"


@pytest.mark.parametrize(
    ("answers", "result", "code"),
    [
        ({"MAIL": "451 4.3.0 later"}, RcptResult.DEFERRED, 451),
        ({"MAIL": "552 5.3.4 too big"}, RcptResult.FAILED, 552),
        ({"RCPT": "450 4.2.0 busy"}, RcptResult.DEFERRED, 450),
        ({"DATA": "554 5.7.1 no"}, RcptResult.FAILED, 554),
        ({".": "554 5.6.0 no"}, RcptResult.FAILED, 554),
        ({".": "451 4.3.0 disk"}, RcptResult.DEFERRED, 451),
        ({"MAIL": "421 closing"}, RcptResult.DEFERRED, 421),
        ({"MAIL": "HANGUP"}, RcptResult.DEFERRED, 0),
        ({"RCPT": "HANGUP"}, RcptResult.DEFERRED, 0),
        ({".": "HANGUP"}, RcptResult.DEFERRED, 0),
        ({".": "done"}, RcptResult.DEFERRED, 0),
        ({".": "250-2.0.0 taken\r\n250 2.0.0 it is"}, RcptResult.ACCEPTED, 250),
    ],
)
@pytest.mark.parametrize("pipelining", [False, True])
def test_what_the_peer_says_or_does_not_say_decides(answers, result, code, pipelining):
    with SmtpPeer(answers, pipelining=pipelining) as peer:
        client = client_for(peer)
        outcome = send(client)[INFO]
        client.close()
    assert (outcome.result, outcome.code) == (result, code)


@pytest.mark.parametrize("refused", ["MAIL", "RCPT"])
def test_when_nobody_is_taken_no_octet_of_the_message_is_sent_and_the_connection_is_used_again(refused):
    answers = {refused: "550 5.1.1 no"}
    with SmtpPeer(answers) as plain, SmtpPeer(answers, pipelining=True) as grouping:
        for peer in (plain, grouping):
            client = client_for(peer)
            for _ in range(2):
                assert {one.code for one in send(client, recipients=(INFO, SALES)).values()} == {550}
            client.close()
            assert peer.connections == 1
    assert plain.messages == []
    assert "DATA" not in [line.upper() for line in plain.lines]
    assert grouping.messages == [b"", b""], "a host that goes on without a recipient is told the end at once (RFC 2920)"


def test_a_host_that_takes_groups_gives_each_recipient_its_outcome():
    with SmtpPeer({f"RCPT {SALES}": "550 5.1.1 no such mailbox"}, pipelining=True) as peer:
        client = client_for(peer)
        for _ in range(2):
            outcomes = send(client, recipients=(SALES, INFO))
            assert (outcomes[INFO].result, outcomes[SALES].code) == (RcptResult.ACCEPTED, 550)
        client.close()
    assert [undone(wire) for wire in peer.messages] == [MESSAGE, MESSAGE]
    assert [line.split(" ")[0] for line in peer.lines if line.upper() != "QUIT"][-8:] == [
        "MAIL",
        "RCPT",
        "RCPT",
        "DATA",
    ] * 2


def test_what_a_host_may_still_be_within_is_left_first():
    with SmtpPeer({f"RCPT {SALES}": "550 5.1.1 no such mailbox"}) as peer:
        client = client_for(peer)
        assert send(client, recipients=(SALES,))[SALES].code == 550
        assert send(client, recipients=(INFO,))[INFO].result is RcptResult.ACCEPTED
        client.close()
    assert [line.split(" ")[0] for line in peer.lines][-7:] == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("reply", ["HANGUP", "421 4.4.2 closing", "nothing of SMTP"])
def test_a_kept_connection_that_stands_no_more_is_replaced_and_the_message_goes_out_once(pipelining, reply):
    with SmtpPeer({"MAIL again": reply}, pipelining=pipelining) as peer:
        client = client_for(peer)
        for _ in range(2):
            assert send(client)[INFO].result is RcptResult.ACCEPTED
        client.close()
    assert peer.connections == 2
    assert len(peer.messages) == 2


def test_the_next_host_is_tried_when_one_does_not_answer():
    with SmtpPeer(greeting="554 go away") as first, SmtpPeer() as second:
        client = client_for(first, second)
        assert send(client)[INFO].result is RcptResult.ACCEPTED
        client.close()
    assert len(second.messages) == 1


def test_no_host_means_later():
    with SmtpPeer() as gone:
        pass
    assert send(client_for(gone))[INFO].result is RcptResult.DEFERRED


@pytest.mark.requirement("BT-6", "SE-1")
def test_without_tls_nothing_leaves_for_a_pec_domain():
    with SmtpPeer() as peer:
        outcome = send(client_for(peer), require_tls=True)[INFO]
    assert (outcome.result, outcome.enhanced) == (RcptResult.DEFERRED, "4.7.10")
    assert not [line for line in peer.lines if line.upper().startswith("MAIL")]


@pytest.mark.requirement("SE-1", "SE-2", "SE-6", "BT-6")
@pytest.mark.parametrize(
    ("named", "known", "required", "result"),
    [
        ("peer.example", True, True, RcptResult.ACCEPTED),
        ("other.example", True, True, RcptResult.DEFERRED),
        ("peer.example", False, True, RcptResult.DEFERRED),
        ("other.example", False, False, RcptResult.ACCEPTED),
    ],
)
def test_a_pec_peer_is_verified_by_name_and_ordinary_mail_is_encrypted_where_it_can_be(
    tmp_path, named, known, required, result
):
    authority = TlsAuthority(tmp_path)
    files = authority.server(named)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(files.certificate, files.key)
    trusted = authority.client_context() if known else tls_context()
    with SmtpPeer(tls=served) as peer:
        client = client_for(peer)
        client._settings = replace(SETTINGS, tls=trusted)
        outcome = send(client, require_tls=required)[INFO]
        client.close()
    assert outcome.result is result
    assert outcome.tls.startswith("TLSv1") is (result is RcptResult.ACCEPTED), "the log says how (SE-6)"
    assert len(peer.messages) == (result is RcptResult.ACCEPTED)


def test_a_connection_is_used_again():
    with SmtpPeer() as peer:
        client = client_for(peer)
        for _ in range(3):
            assert send(client)[INFO].result is RcptResult.ACCEPTED
        client.close()
    assert peer.connections == 1
    assert len(peer.messages) == 3


@pytest.mark.requirement("AD-3")
def test_a_domain_that_does_not_exist_fails_and_a_silent_dns_defers():
    class Hosts:
        def __init__(self, fault):
            self.fault = fault

        def find(self, domain):
            raise self.fault(domain)

    gone = send(SmtpClient(SETTINGS, Hosts(NoSuchDomain)))[INFO]
    assert (gone.result, gone.enhanced) == (RcptResult.FAILED, "5.1.2")
    assert send(SmtpClient(SETTINGS, Hosts(LookupDeferred)))[INFO].result is RcptResult.DEFERRED


def test_a_static_route_comes_first_and_alone_it_is_all_there_is():
    here = Exchanger(name="mx.gestore-beta.example", address="127.0.0.1", port=2525)
    routes = StaticRoutes(routes={"pec.beta.example": here})
    assert routes.find("PEC.beta.example") == (here,)
    with pytest.raises(NoSuchDomain):
        routes.find("elsewhere.example")


LINES = st.lists(st.binary(max_size=30).map(lambda octets: octets.replace(b"\r", b"").replace(b"\n", b"")), max_size=20)


@given(lines=LINES, dots=st.lists(st.booleans(), max_size=20), chunk=st.integers(1, 40))
def test_stuffing_is_undone_by_every_receiver_wherever_the_pieces_are_cut(lines, dots, chunk):
    message = b"".join((b"." if dot else b"") + line + b"\r\n" for line, dot in zip(lines, dots, strict=False))
    old, smtp_client._CHUNK = smtp_client._CHUNK, chunk
    try:
        wire = b"".join(stuffed(message))
    finally:
        smtp_client._CHUNK = old
    assert not any(line == b"." for line in wire.split(b"\r\n"))
    assert undone(wire) == (message or b"\r\n")


def test_a_message_without_last_line_end_gets_one():
    assert b"".join(stuffed(b"a")) == b"a\r\n"
