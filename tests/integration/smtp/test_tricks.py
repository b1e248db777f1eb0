"""SMTP smuggling, STARTTLS injection, pipelining: judged by what was received.

Threats 1 and 2. The exhaustive run sends every string of 1 to 5 octets over CR, LF, `.`, NUL and x
around the end of data, each followed by a whole second transaction, and compares what the store was
given with what RFC 5321 says the client sent.
"""

from itertools import product

import pytest

from ceralacca.net.smtp_server import Limits
from ceralacca.testing.paper_cast import ANNA, MARIO

TRICKS = [b"".join(run) for n in range(1, 6) for run in product((b"\r", b"\n", b".", b"\0", b"x"), repeat=n)]
SMUGGLED = "vittima@pec.alfa.example"


def second_transaction(sender):
    return (
        f"MAIL FROM:<{sender}>\r\nRCPT TO:<{SMUGGLED}>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n"
    ).encode()


def lawful(stream):
    """Return the message that the stream holds by RFC 5321, None when it holds none that may be taken."""
    content = b"\r\n" + stream
    end = content.find(b"\r\n.\r\n")
    body = content[: end + 2]
    text = body.replace(b"\r\n", b"")
    if text.translate(None, b"\r\n\0") != text:
        return None
    return body.replace(b"\r\n.", b"\r\n")[2:]


def test_the_judge_knows_what_is_lawful():
    assert lawful(b"a\r\n.\r\nrest") == b"a\r\n"
    assert lawful(b"a\r\n..b\r\n.\r\n") == b"a\r\n.b\r\n"
    assert [lawful(b"a" + bad + b"b\r\n.\r\n") for bad in (b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\0")] == [
        None
    ] * 5


class Attacker:
    """Keeps one connection for as long as it is not thrown out."""

    def __init__(self, point, *, access):
        self.point, self.access = point, access
        self.wire = None
        self.sender = MARIO if access else ANNA
        self.waits_for_the_end = not access  # TLS knows no half-closed connection: the server lets its client go first

    def transaction(self):
        """Begin a transaction and stand inside DATA."""
        for _ in range(2):
            if self.wire is None:
                self.wire = self.point.signed_in() if self.access else self.point.wire()
                self.wire.say("EHLO relay.example") if not self.access else None
            self.wire.send(f"MAIL FROM:<{self.sender}>\r\nRCPT TO:<{MARIO}>\r\nDATA\r\n".encode())
            if self.wire.codes(3) == ["250", "250", "354"]:
                return
            self.drop()
        raise AssertionError("no transaction")

    def drop(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None

    def attack(self, trick):
        self.transaction()
        stream = b"Subject: " + trick.hex().encode() + b"\r\n\r\nfirst" + trick + second_transaction(self.sender)
        self.wire.send(stream)
        first = self.wire.reply()[:3]
        expected = lawful(stream)
        if expected is None:
            assert first == "550", trick
            assert not self.waits_for_the_end or self.wire.ended(), trick
            self.drop()
        else:
            assert first == "250", trick
            if stream.find(b"\r\n.\r\n") < stream.find(b"MAIL FROM"):  # a real end: what follows is real, too
                self.drop()
        return expected


def play(point, tricks, *, access):
    attacker = Attacker(point, access=access)
    expected = [message for trick in tricks if (message := attacker.attack(trick)) is not None]
    attacker.drop()
    assert point.store.texts == expected
    assert not [one for one in point.store.messages if SMUGGLED in map(str, one.forward_paths)]
    return len(expected)


@pytest.fixture
def target(request, open_point):
    limits = Limits(connections_per_peer=1000, connections=5000, sign_in_delay=0, linger_time=2)
    return open_point(access=request.param == "access", limits=limits)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["access", "incoming"], indirect=True)
def test_of_3905_tricks_around_the_end_of_data_none_smuggles(target, request):
    assert len(TRICKS) == 3905
    access = request.node.callspec.params["target"] == "access"
    assert 0 < play(target, TRICKS, access=access) < 3905


@pytest.mark.parametrize("target", ["access", "incoming"], indirect=True)
def test_the_known_tricks_do_not_smuggle(target, request):
    known = [
        b"\n.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\r\n..\r\n",
        b"\r\n.\r\n",
    ]
    assert play(target, known, access=request.node.callspec.params["target"] == "access") == 2


# -- STARTTLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trick", [b"a\nb\r\n.\r\n", b"a\0b\r\n.\r\n", b"a\rb\r\n.\r\n"])
def test_a_message_with_a_bare_line_end_ends_the_connection(point, trick):
    with point.sender(MARIO, path=MARIO) as wire:
        wire.say("DATA")
        wire.send(trick + b"NOOP\r\n")
        assert wire.reply()[:9] == "550 5.6.0"
        assert wire.ended()  # and no NOOP was obeyed
    assert point.store.messages == []


def test_nothing_said_in_the_clear_behind_starttls_is_obeyed(point):
    with point.wire() as wire:
        wire.say("EHLO x")
        wire.send(b"STARTTLS\r\nMAIL FROM:<a@b.example>\r\n")
        assert wire.reply()[:3] == "503"
        assert wire.ended()


def test_a_half_command_behind_starttls_is_not_completed_inside_tls(point):
    with point.wire() as wire:
        wire.say("EHLO x")
        wire.send(b"STARTTLS\r\nRSE")
        assert wire.reply()[:3] == "503"
        assert wire.ended()


def test_what_is_sent_in_the_clear_after_starttls_ends_the_connection(point):
    with point.wire() as wire:
        wire.say("EHLO x")
        assert wire.say("STARTTLS")[:3] == "220"
        wire.send(b"MAIL FROM:<a@b.example>\r\n")
        wire.reply()  # a TLS alert, or nothing
        assert wire.ended()


def test_starttls_takes_no_argument_and_happens_once(point):
    with point.secure_wire() as wire:
        assert wire.say("STARTTLS")[:3] == "503"
    with point.wire() as wire:
        assert wire.say("STARTTLS now")[:3] == "501"


# -- pipelining ---------------------------------------------------------------------------------------


def test_commands_may_be_pipelined_and_are_answered_in_order(incoming):
    with incoming.wire() as wire:
        wire.say("EHLO mx.beta.example")
        group = f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{MARIO}>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n".encode()
        wire.send(group)
        assert wire.codes(4) == ["250", "250", "550", "354"]
        wire.send(b"one\r\n.\r\n" + group)  # RFC 2920, 3.1: content may head a group
        assert wire.codes(5) == ["250", "250", "250", "550", "354"]
        wire.send(b"two\r\n.\r\nQUIT\r\n")
        assert wire.codes(2) == ["250", "221"]
    assert incoming.store.texts == [b"one\r\n", b"two\r\n"]


@pytest.mark.parametrize("command", [b"EHLO x\r\n", b"HELO x\r\n"])
def test_nobody_speaks_ahead_of_ehlo(point, command):
    with point.wire() as wire:
        wire.send(command + b"MAIL FROM:<a@b.example>\r\n")
        assert wire.reply()[:3] == "503"
        assert wire.ended()


def test_nobody_speaks_ahead_of_354(incoming):
    with incoming.sender(MARIO, path=ANNA) as wire:
        wire.send(b"DATA\r\nSubject: x\r\n\r\n.\r\n")
        assert wire.reply()[:3] == "503"
        assert wire.ended()
    assert incoming.store.messages == []


def test_a_client_that_half_closes_still_gets_its_answers(incoming):
    with incoming.wire() as wire:
        wire.say("EHLO mx.beta.example")
        wire.send(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{MARIO}>\r\nDATA\r\n".encode())
        wire.codes(3)
        wire.send(b"text\r\n.\r\n")
        wire.half_close()
        assert wire.reply()[:3] == "250"
        assert wire.ended()
    assert incoming.store.texts == [b"text\r\n"]


def test_a_message_without_its_final_dot_is_none(incoming):
    with incoming.sender(MARIO, path=ANNA) as wire:
        wire.say("DATA")
        wire.send(b"text\r\n.")
    with incoming.sender(MARIO, path=ANNA) as wire:  # another comes through
        wire.say("DATA")
        wire.send(b"other\r\n.\r\n")
        assert wire.reply()[:3] == "250"
    assert incoming.store.texts == [b"other\r\n"]


# -- lines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"EHLO x\n", b"EH\rLO x\r\n", b"EHLO x\r\r\n", b"EHLO x\0\r\n"])
def test_a_bare_line_end_in_a_command_ends_the_connection(point, line):
    with point.wire() as wire:
        wire.send(line)
        assert wire.reply() == "500 5.5.2 Lines end with <CR><LF>"
        assert wire.ended()


def test_a_browser_is_sent_away_at_its_first_line(point):
    with point.wire() as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b.example>\r\n")
        assert wire.reply()[:3] == "521"
        assert wire.ended()


def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(point):
    with point.wire() as wire:
        assert wire.say("EHLO " + "x" * 100_000)[:3] == "500"
        assert wire.say("NOOP")[:3] == "250"
        assert wire.say("ÈHLO x")[:3] == "500"
        assert wire.say("")[:3] == "500"
        assert wire.say("EHLO")[:3] == "501"


def test_who_errs_too_often_goes(open_point):
    point = open_point(access=False, limits=Limits(errors=5))
    with point.wire() as wire:
        assert [wire.say("XYZZY")[:3] for _ in range(6)] == ["500"] * 5 + ["421"]
        assert wire.ended()


def test_who_tries_names_goes(open_point):
    point = open_point(access=False, accept_unknown=False, limits=Limits(recipients=50))
    with point.sender(MARIO, path=ANNA) as wire:
        codes = [wire.say(f"RCPT TO:<a{n}@pec.alfa.example>")[:3] for n in range(51)]
        assert codes == ["550"] * 50 + ["421"]
        assert wire.ended()
