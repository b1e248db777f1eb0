"""The small parts of the listeners: inbox, credentials, trace field, spool, settings."""

import asyncio
import ssl

import pytest

from ceralacca.base.errors import PecError, UserError
from ceralacca.core.model.address import Address
from ceralacca.net.smtp_server import Limits, SpoolRoom, sasl, server_context
from ceralacca.net.smtp_server.inbox import BadLine, Inbox
from ceralacca.net.smtp_server.rules import Fresh
from ceralacca.net.smtp_server.spool import MIB, NoRoom, Spool
from ceralacca.net.smtp_server.trace import peer_name, protocol_name, received_field
from ceralacca.testing.clock import NOON
from ceralacca.testing.tls import TlsAuthority


class Pipe:
    """Stands for a transport that is asked to pause."""

    def __init__(self):
        self.paused = False

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False


# -- inbox --------------------------------------------------------------------------------------------


async def lines_of(*chunks, limit=100):
    inbox = Inbox()
    for chunk in chunks:
        inbox.put(chunk)
    inbox.end()
    found = []
    while True:
        try:
            line = await inbox.line(limit)
        except BadLine as error:
            found.append("fatal" if error.fatal else "long")
            continue
        if line is None:
            return found
        found.append(line)


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"EHLO x\r\nQU", b"IT\r\n"], [b"EHLO x", b"QUIT"]),
        ([b"EHLO x\r", b"\n"], [b"EHLO x"]),
        ([b"EHLO x\nQUIT\r\n"], ["fatal", b"QUIT"]),
        ([b"EH\rLO x\r\n"], ["fatal"]),
        ([b"EHLO x\r\r\n"], ["fatal"]),
        ([b"EH\0LO x\r\n"], ["fatal"]),
        ([b"x" * 101 + b"\r\nQUIT\r\n"], ["long", b"QUIT"]),
        ([b"x" * 99, b"x" * 99, b"x\r\nQUIT\r\n"], ["long", b"QUIT"]),
        ([b"no end"], []),
        ([], []),
    ],
)
def test_lines_end_with_cr_lf_and_nothing_else(chunks, lines):
    assert asyncio.run(lines_of(*chunks)) == lines


def test_a_full_inbox_pauses_its_client_until_it_is_read():
    async def play():
        inbox, pipe = Inbox(), Pipe()
        inbox.transport = pipe
        inbox.put(b"x" * 300_000)
        full = pipe.paused
        taken = await inbox.chunk()
        return full, len(taken), pipe.paused

    assert asyncio.run(play()) == (True, 300_000, False)


def test_octets_that_are_put_back_come_first():
    async def play():
        inbox = Inbox()
        inbox.put(b"B\r\n")
        inbox.put_back(b"A\r\n")
        return await inbox.line(10), await inbox.line(10)

    assert asyncio.run(play()) == (b"A", b"B")


# -- credentials --------------------------------------------------------------------------------------


def exchange(argument, *answers):
    asked, left = [], list(answers)

    async def ask(challenge):
        asked.append(challenge)
        return left.pop(0)

    return asyncio.run(sasl.exchange(argument, ask)), asked


@pytest.mark.parametrize(
    ("argument", "answers", "asked"),
    [
        (b"PLAIN AG1hcmlvAHNlZ3JldG8=", [], []),
        (b"plain", [b"AG1hcmlvAHNlZ3JldG8="], [b""]),
        (b"PLAIN bWFyaW8AbWFyaW8Ac2VncmV0bw==", [], []),
        (b"LOGIN", [b"bWFyaW8=", b"c2VncmV0bw=="], [b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"]),
        (b"LOGIN bWFyaW8=", [b"c2VncmV0bw=="], [b"UGFzc3dvcmQ6"]),
    ],
)
def test_plain_and_login_give_a_name_and_a_password(argument, answers, asked):
    found, challenges = exchange(argument, *answers)
    assert (found.login, found.password, challenges) == ("mario", b"segreto", asked)


@pytest.mark.parametrize(
    ("argument", "answers", "error"),
    [
        (b"", [], sasl.NoMechanism),
        (b"CRAM-MD5", [], sasl.NoMechanism),
        (b"PLAIN", [b"*"], sasl.Cancelled),
        (b"LOGIN", [b"bWFyaW8=", b"*"], sasl.Cancelled),
        (b"PLAIN !!!", [], sasl.BadResponse),
        (b"PLAIN =", [], sasl.BadResponse),
        (b"PLAIN bWFyaW8=", [], sasl.BadResponse),
        (b"PLAIN YW5uYQBtYXJpbwBzZWdyZXRv", [], sasl.BadResponse),  # anna, as whom mario would act
    ],
)
def test_what_is_not_of_the_mechanism_is_refused(argument, answers, error):
    with pytest.raises(error):
        exchange(argument, *answers)


def test_a_password_is_not_shown():
    found, _ = exchange(b"PLAIN AG1hcmlvAHNlZ3JldG8=")
    assert "segreto" not in repr(found)


# -- trace --------------------------------------------------------------------------------------------


@pytest.mark.requirement("TI-3")
def test_the_trace_field_says_from_by_with_id_for_and_legal_time():
    written = received_field(
        peer=peer_name("client.example", "192.0.2.1"),
        host="mx.alfa.example",
        protocol="ESMTPSA",
        key="access-1",
        tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
        recipients=(Address("a@b.example"),),
        instant=NOON,
    )
    assert written == (
        b"Received: from client.example ([192.0.2.1])\r\n"
        b"\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tby mx.alfa.example with ESMTPSA id access-1\r\n"
        b"\tfor <a@b.example>;\r\n"
        b"\tThu, 05 Nov 2026 13:00:00 +0100\r\n"
    )


def test_several_recipients_are_not_told_of_each_other():
    written = received_field(
        peer="x",
        host="y",
        protocol="SMTP",
        key="k",
        tls="",
        recipients=(Address("a@b.example"), Address("c@b.example")),
        instant=NOON,
    )
    assert b"for <" not in written


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("helo", ["a\r\nX-Trasporto: errore", "a b", "(a)", "è", "", "<a>", "a" * 5000])
def test_what_a_client_calls_itself_cannot_write_fields(helo):
    name = peer_name(helo, "192.0.2.1")
    assert name.isascii()
    assert not set(name) & set("\r\n<>")
    assert name.count(" ") == 1
    assert len(name) < 300


@pytest.mark.parametrize(
    ("extended", "tls", "signed_in", "word"),
    [
        (True, True, True, "ESMTPSA"),
        (True, True, False, "ESMTPS"),
        (True, False, False, "ESMTP"),
        (False, False, False, "SMTP"),
    ],
)
def test_the_protocol_is_named_as_registered(extended, tls, signed_in, word):
    assert protocol_name(extended=extended, tls=tls, signed_in=signed_in) == word


# -- spool --------------------------------------------------------------------------------------------


def spooled(room, *pieces):
    async def play():
        spool = Spool(room)
        try:
            for piece in pieces:
                await spool.add(piece)
            return bytes(await spool.octets()), spool.size
        finally:
            spool.close()

    return asyncio.run(play())


@pytest.mark.parametrize("sizes", [(0,), (10, 20), (MIB,), (MIB, 1), (300_000,) * 8, (5 * MIB, 3)])
def test_what_is_spooled_comes_out_whole(tmp_path, sizes):
    room = SpoolRoom(tmp_path, reserve=0)
    pieces = [bytes([65 + n]) * size for n, size in enumerate(sizes)]
    for _ in range(3):  # the room is given back
        assert spooled(room, *pieces) == (b"".join(pieces), sum(sizes))
    assert room.has_room(2048 * MIB)
    assert not list(tmp_path.iterdir())


def test_small_messages_go_to_disk_when_memory_is_taken(tmp_path):
    room = SpoolRoom(tmp_path, memory=100, reserve=0)
    assert spooled(room, b"a" * 90, b"b" * 90, b"c" * 90) == (b"a" * 90 + b"b" * 90 + b"c" * 90, 270)


def test_a_full_room_takes_nothing_and_is_free_afterwards(tmp_path):
    room = SpoolRoom(tmp_path, octets=1000, reserve=0)
    with pytest.raises(NoRoom):
        spooled(room, b"a" * 900, b"b" * 200)
    assert room.has_room(1000)
    assert not room.has_room(1001)


def test_a_reserve_of_the_disk_is_left_alone(tmp_path):
    assert not SpoolRoom(tmp_path, octets=1 << 70, reserve=1 << 62).has_room(0)


# -- the rest -----------------------------------------------------------------------------------------


def test_a_question_is_asked_once_for_all_and_again_later():
    async def play():
        asked = []
        fresh = Fresh(lambda: asked.append(1) or len(asked), seconds=1000)
        answers = await asyncio.gather(*(fresh.get() for _ in range(20)))
        stale = Fresh(lambda: asked.append(1) or len(asked), seconds=0)
        return answers, [await stale.get(), await stale.get()]

    assert asyncio.run(play()) == ([1] * 20, [2, 3])


@pytest.mark.requirement("AP-13", "SL-1")
def test_limits_below_the_norm_are_refused():
    with pytest.raises(UserError, match="50"):
        Limits(recipients=49)
    with pytest.raises(UserError, match="30 MiB"):
        Limits(size=30 * MIB - 1)


@pytest.mark.requirement("SE-1")
def test_a_server_speaks_tls_1_2_at_least(tmp_path):
    files = TlsAuthority(tmp_path).server("mx.alfa.example", "127.0.0.1")
    assert server_context(files.certificate, files.key).minimum_version is ssl.TLSVersion.TLSv1_2
    assert files.key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PecError):
        server_context(files.certificate, tmp_path / "none.pem")
