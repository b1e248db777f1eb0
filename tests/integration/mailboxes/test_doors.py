"""Who gets into a mailbox and how: protected channels, the right password, an open mailbox of a holder."""

import imaplib
import poplib
import socket
import ssl

import pytest

from ceralacca.ports.mailbox import MailboxStatus

pytestmark = pytest.mark.system


def enters(world, address, password=None) -> bool:
    """Say whether IMAP and POP3 let in; they agree."""
    named = {} if password is None else {"password": password}
    answers = []
    for door, refusal in ((world.imap, imaplib.IMAP4.error), (world.pop, poplib.error_proto)):
        try:
            with door(address, **named):
                answers.append(True)
        except refusal:
            answers.append(False)
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.requirement("DP-7")
def test_the_right_password_opens(world, mailbox):
    assert enters(world, mailbox)
    assert enters(world, str(mailbox).upper())


@pytest.mark.requirement("DP-7")
@pytest.mark.parametrize("password", ["", "sbagliata", "buona fortuna e", "buona fortuna è ", "x" * 5000])
def test_another_password_does_not(world, mailbox, password):
    assert not enters(world, mailbox, password)


@pytest.mark.parametrize("address", ["nessuno@alfa.test", "no address", "../../x@alfa.test", "*", "a\tb@alfa.test"])
def test_nobody_has_no_mailbox(world, address):
    assert not enters(world, address)


def test_a_closed_mailbox_does_not_open_and_one_that_only_receives_does(world):
    assert not enters(world, world.open_mailbox("chiusa@alfa.test", status=MailboxStatus.CLOSED))
    assert enters(world, world.open_mailbox("solo-lettura@alfa.test", status=MailboxStatus.RECEIVE_ONLY))


@pytest.mark.requirement("MO-4", "MO-5")
def test_the_service_mailbox_is_not_reachable(world):
    assert not enters(world, world.open_mailbox("ricevute@alfa.test", is_service=True))


def test_one_password_opens_one_mailbox(world, mailbox):
    """A sign-in as one and a wish to act as another (RFC 4616) is refused."""
    other = world.open_mailbox("altra@alfa.test")
    with world.imap() as client, pytest.raises(imaplib.IMAP4.error):
        client.authenticate("PLAIN", lambda _: f"{other}\0{mailbox}\0buona fortuna è".encode())


def test_each_sees_the_own_mailbox_only(world, mailbox):
    other = world.open_mailbox("vicina@alfa.test")
    world.deliver(other, b"Subject: altrui\r\n\r\n")
    with world.imap(mailbox) as client:
        assert client.select() == ("OK", [b"0"])
        for name in ("../../x", "~/x", "/etc", "user/vicina", "~vicina@alfa.test"):
            assert client.select(f'"{name}"')[0] == "NO"


@pytest.mark.requirement("DP-7")
def test_there_is_no_channel_in_clear(world):
    for port in (world.port, world.pop_port):
        with socket.create_connection(("localhost", port), timeout=10) as plain:
            plain.sendall(b"a LOGIN x y\r\n")
            assert b"OK" not in plain.recv(100)


@pytest.mark.requirement("DP-7")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_today_s_tls_is_spoken(world, version):
    context = world.context
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("localhost", world.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as protected,
    ):
        assert protected.recv(100).startswith(b"* OK")


@pytest.mark.requirement("DP-7")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_yesterday_s_tls_is_not(world):
    context = world.context
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("localhost", world.port)) as plain, pytest.raises(OSError):  # noqa: PT011 of TLS
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.requirement("DP-7")
def test_guesses_over_imap_and_pop3_count_together_and_a_right_password_waits_too(world):
    mailbox = world.open_mailbox("assediata@alfa.test")
    for number in range(3):
        assert not enters(world, mailbox, f"prova {number}")
    with world.imap() as client, pytest.raises(imaplib.IMAP4.error, match="Troppi tentativi"):
        client.login(str(mailbox), '"x"')
    assert not enters(world, mailbox)


def test_the_log_names_no_mailbox_and_no_password(world, mailbox):
    assert enters(world, mailbox)
    assert not enters(world, mailbox, "segretissima")
    with world.imap(mailbox) as client:
        client.select()
        client.logout()
    log = world.log()
    assert "imap-login" in log
    assert "@alfa.test" not in log
    assert "segretissima" not in log
    assert "fortuna" not in log
