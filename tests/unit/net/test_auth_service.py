"""The sign-in as Dovecot's processes speak to it: who is let in, who is shown what, and what is never answered."""

import asyncio
import base64
import shutil
import tempfile
from pathlib import Path

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.net.auth_service import TOO_MANY_TEXT, AuthService, MailboxDirectory
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.testing.clock import CountingEntropy

MARIO = Address("mario@alfa.test")
COOKIE = (1).to_bytes(16, "big").hex()


class Judge:
    """Lets in whoever says `good`."""

    def __init__(self):
        self.asked = []

    def check(self, mailbox, password, *, protocol, peer):
        self.asked.append((mailbox, password, protocol, peer))
        match password:
            case b"good":
                return SignInOutcome(verdict=SignInVerdict.SIGNED_IN, mailbox=Address(mailbox))
            case b"many":
                return SignInOutcome(verdict=SignInVerdict.TOO_MANY)
            case b"away":
                raise WorldError("no store")
        return SignInOutcome(verdict=SignInVerdict.REFUSED)


def home(address):
    if address.key.startswith("away"):
        raise WorldError("no store")
    return Path("/mail") / address.key


class Peer:
    """One connection as a Dovecot process holds it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def say(self, *fields):
        self.writer.write(b"\t".join(str(field).encode() for field in fields) + b"\n")
        return await self.hear()

    async def hear(self):
        line = await asyncio.wait_for(self.reader.readline(), 10)
        return line.decode().rstrip("\n").split("\t")


@pytest.fixture
def folder():
    folder = Path(tempfile.mkdtemp(prefix="pec-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def judge():
    return Judge()


@pytest.fixture
def play(folder, judge):
    """Run a conversation with a service that lives as long as it."""

    def play(conversation):
        async def whole():
            service = AuthService(
                folder / "login",
                folder / "mail",
                signs_in=judge,
                mailboxes=MailboxDirectory(home=home, quota=lambda _: 1000),
                entropy=CountingEntropy(),
            )
            await service.start()
            writers = []

            async def connect(name):
                reader, writer = await asyncio.open_unix_connection(folder / name)
                writers.append(writer)
                return Peer(reader, writer)

            try:
                await conversation(connect)
            finally:
                for writer in writers:
                    writer.close()
                await service.stop()

        asyncio.run(whole())

    return play


async def login(connect, pid="77"):
    peer = await connect("login")
    while await peer.hear() != ["DONE"]:
        pass
    peer.writer.write(f"VERSION\t1\t2\nCPID\t{pid}\n".encode())
    return peer


async def mail(connect):
    peer = await connect("mail")
    assert (await peer.hear())[0] == "VERSION"
    assert (await peer.hear())[0] == "SPID"
    peer.writer.write(b"VERSION\t1\t1\n")
    return peer


def response(password, name="mario@alfa.test", acts_as=""):
    return base64.b64encode(f"{acts_as}\0{name}\0{password}".encode()).decode()


def attempt(number, password, **named):
    return (
        "AUTH",
        number,
        "PLAIN",
        "service=imap",
        "secured=tls",
        "rip=192.0.2.7",
        f"resp={response(password, **named)}",
    )


def test_it_presents_itself_as_dovecot_expects(play):
    async def conversation(connect):
        peer = await connect("login")
        lines = [await peer.hear() for _ in range(6)]
        assert [line[0] for line in lines] == ["VERSION", "MECH", "SPID", "CUID", "COOKIE", "DONE"]
        assert lines[1] == ["MECH", "PLAIN", "plaintext"]

    play(conversation)


@pytest.mark.requirement("DP-7")
def test_who_signed_in_is_shown_the_own_mailbox_once(play, judge):
    async def conversation(connect):
        peer, process = await login(connect), await mail(connect)
        assert await peer.say(*attempt(3, "good")) == ["OK", "3", "user=mario@alfa.test"]
        shown = await process.say("REQUEST", 9, 77, 3, COOKIE, "session_pid=5")
        assert shown == ["USER", "9", "mario@alfa.test", "home=/mail/mario@alfa.test", "quota_rule=*:bytes=1000"]
        assert await process.say("REQUEST", 10, 77, 3, COOKIE) == ["NOTFOUND", "10"]

    play(conversation)
    assert judge.asked == [("mario@alfa.test", b"good", SignInProtocol.IMAP, "192.0.2.7")]


@pytest.mark.requirement("DP-7")
@pytest.mark.parametrize(
    "request_fields", [(78, 3, COOKIE), (77, 4, COOKIE), (77, 3, "0" * 32), (77, 3, ""), (77, 3, "è")]
)
def test_nobody_is_shown_a_mailbox_by_another_sign_in(play, request_fields):
    async def conversation(connect):
        peer, process = await login(connect), await mail(connect)
        await peer.say(*attempt(3, "good"))
        assert await process.say("REQUEST", 1, *request_fields) == ["NOTFOUND", "1"]

    play(conversation)


def test_nobody_is_looked_up_without_a_sign_in(play):
    async def conversation(connect):
        process = await mail(connect)
        assert await process.say("USER", 1, "mario@alfa.test", "service=lmtp") == ["FAIL", "1"]
        assert await process.say("LIST", 2, "") == ["FAIL", "2"]

    play(conversation)


@pytest.mark.parametrize(
    ("password", "answer"),
    [
        ("bad", ["FAIL", "1"]),
        ("many", ["FAIL", "1", f"reason={TOO_MANY_TEXT}"]),
        ("away", ["FAIL", "1", "code=temp_fail"]),
    ],
)
def test_a_refusal_says_no_more_than_it_may(play, password, answer):
    async def conversation(connect):
        assert await (await login(connect)).say(*attempt(1, password)) == answer

    play(conversation)


def test_a_mailbox_that_cannot_be_looked_at_now_is_a_failure_for_now(play):
    async def conversation(connect):
        peer, process = await login(connect), await mail(connect)
        await peer.say(*attempt(1, "good", name="away@alfa.test"))
        assert await process.say("REQUEST", 1, 77, 1, COOKIE) == ["FAIL", "1", "temp"]

    play(conversation)


@pytest.mark.requirement("DP-7")
@pytest.mark.parametrize(
    "fields",
    [
        ("AUTH", 1, "PLAIN", "service=imap", f"resp={response('good')}"),
        ("AUTH", 1, "PLAIN", "service=smtp", "secured=tls", f"resp={response('good')}"),
        ("AUTH", 1, "CRAM-MD5", "service=imap", "secured=tls", f"resp={response('good')}"),
        ("AUTH", 1, "PLAIN", "service=imap", "secured=tls", "resp=!!!"),
        ("AUTH", 1, "PLAIN", "service=imap", "secured=tls", "resp="),
        ("AUTH", 1, "PLAIN", "service=imap", "secured=tls", f"resp={response('good', acts_as='anna@alfa.test')}"),
        ("AUTH", 1, "PLAIN", "service=imap", "secured=tls", "resp=" + base64.b64encode(b"\0\xff\0good").decode()),
        ("CONT", 1, response("good")),
        ("AUTH", 1),
    ],
)
def test_what_is_not_a_protected_sign_in_is_refused_unasked(play, judge, fields):
    async def conversation(connect):
        assert await (await login(connect)).say(*fields) == ["FAIL", "1"]

    play(conversation)
    assert judge.asked == []


def test_name_and_password_may_come_with_the_next_line(play):
    async def conversation(connect):
        peer = await login(connect)
        assert await peer.say("AUTH", 1, "PLAIN", "service=pop3", "secured") == ["CONT", "1", ""]
        assert await peer.say("CONT", 1, response("good")) == ["OK", "1", "user=mario@alfa.test"]
        assert await peer.say("AUTH", 2, "PLAIN", "service=pop3", "secured") == ["CONT", "2", ""]
        peer.writer.write(b"CANCEL\t2\n")
        assert await peer.say("CONT", 2, response("good")) == ["FAIL", "2"]

    play(conversation)


def test_sign_ins_do_not_wait_for_each_other(play, judge):
    async def conversation(connect):
        peer = await login(connect)
        for number in range(20):
            peer.writer.write("\t".join(map(str, attempt(number, "good"))).encode() + b"\n")
        answers = [await peer.hear() for _ in range(20)]
        assert sorted(int(answer[1]) for answer in answers) == list(range(20))

    play(conversation)


@pytest.mark.parametrize(
    "noise",
    [
        b"\n",
        b"\t\t\t\n",
        b"AUTH\n",
        b"REQUEST\t1\n",
        b"\xff\x00\x01\n",
        b"CPID\n",
        b"x" * 100_000,
        b"VERSION\t9\t9\n",
        b"\x01" * 50 + b"\n",
    ],
)
@pytest.mark.parametrize("door", ["login", "mail"])
def test_noise_does_not_stop_the_service(play, noise, door):
    async def conversation(connect):
        noisy = await connect(door)
        noisy.writer.write(noise)
        assert await (await login(connect)).say(*attempt(1, "good")) == ["OK", "1", "user=mario@alfa.test"]

    play(conversation)


def test_a_name_with_separators_stays_one_field(play):
    async def conversation(connect):
        peer, process = await login(connect), await mail(connect)
        assert await peer.say(*attempt(1, "good", name='"x=y z"@alfa.test')) == ["OK", "1", 'user="x=y z"@alfa.test']
        assert (await process.say("REQUEST", 1, 77, 1, COOKIE))[2] == '"x=y z"@alfa.test'

    play(conversation)


def test_only_we_can_speak_to_it(play, folder):
    async def conversation(connect):
        for name in ("login", "mail"):
            assert (folder / name).stat().st_mode & 0o777 == 0o600

    play(conversation)
    assert list(folder.iterdir()) == []


def test_a_path_too_long_for_a_socket_is_said_so(folder, judge):
    async def start():
        service = AuthService(
            folder / ("x" * 100),
            folder / "mail",
            signs_in=judge,
            mailboxes=MailboxDirectory(home=home, quota=lambda _: 1000),
            entropy=CountingEntropy(),
        )
        with pytest.raises(UserError, match="too long"):
            await service.start()

    asyncio.run(start())
