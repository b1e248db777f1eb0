"""Inside DATA silence is borne and dripping is not; T0 is the instant of the final dot."""

import asyncio
from datetime import timedelta

import pytest

from ceralacca.net.smtp_server import Limits, SpoolRoom, replies
from ceralacca.net.smtp_server.data_phase import Arrived, ClientGone, DataPhase, NotTaken
from ceralacca.net.smtp_server.inbox import Inbox
from ceralacca.net.smtp_server.spool import Spool
from ceralacca.testing.clock import NOON, FixedClock

MIB = 2**20


def play(tmp_path, steps, *, limits=None, room=None):
    """Play (seconds that pass, octets that then come); None for octets ends the stream.

    Returns the ending, the time-outs that were set, and the octets.
    """

    async def run():
        loop, passed = asyncio.get_running_loop(), [0.0]
        start, clock, inbox, armed = loop.time(), FixedClock(), Inbox(), []
        loop.time = lambda: start + passed[0]
        spool = Spool(room or SpoolRoom(tmp_path, reserve=0))
        phase = DataPhase(inbox, spool, clock=clock, limits=limits or Limits(), arm=armed.append)
        reading = asyncio.ensure_future(phase.read())
        for seconds, octets in steps:
            for _ in range(1_000_000):  # the fake clock stands still, so nothing would set an event
                if reading.done() or (inbox._waiter is not None and not inbox._waiter.done()):
                    break
                await asyncio.sleep(0)
            passed[0] += seconds
            clock.advance(timedelta(seconds=seconds))
            inbox.end() if octets is None else inbox.put(octets)
        try:
            ending = await reading
            return ending, armed, bytes(await spool.octets())
        finally:
            spool.close()

    return asyncio.run(run())


def test_t0_is_the_instant_of_the_final_dot(tmp_path):
    ending, _, octets = play(tmp_path, [(0, b"Subject: x\r\n\r\n"), (60, b"text\r\n"), (540, b".\r\n")])
    assert ending == Arrived(instant=NOON + timedelta(seconds=600))
    assert octets == b"Subject: x\r\n\r\ntext\r\n"


def test_a_client_may_keep_the_final_dot_back_for_minutes(tmp_path):
    _, armed, _ = play(tmp_path, [(0, b"text\r\n"), (600, b".\r\n")])
    assert armed[0] == 900
    assert armed[1] >= 900


def test_who_drips_runs_out_of_time(tmp_path):
    ending, armed, _ = play(tmp_path, [(10, b"x")] * 95 + [(0, b"\r\n.\r\n")])
    assert isinstance(ending, Arrived)
    assert armed[10] < 810
    assert armed[-1] < 1  # 900 seconds have passed: the connection is cut unless the end is here


def test_who_sends_steadily_does_not(tmp_path):
    _, armed, _ = play(tmp_path, [(10, b"x" * 20_480)] * 95 + [(0, b"\r\n.\r\n")])
    assert min(armed) == 900


def test_data_as_a_whole_has_a_limit(tmp_path):
    _, armed, _ = play(tmp_path, [(800, b"x" * MIB)] * 9 + [(0, b"\r\n.\r\n")])
    assert armed[0] == 900
    assert armed[-1] < 1


@pytest.mark.requirement("AP-4")
def test_a_message_above_the_limit_is_refused_at_its_end_and_not_kept(tmp_path):
    limits = Limits(size=30 * MIB)
    line = b"x" * 1022 + b"\r\n"
    exactly = [(0, line * 1024)] * 30
    assert isinstance(play(tmp_path, [*exactly, (0, b".\r\n")], limits=limits)[0], Arrived)
    ending, _, octets = play(tmp_path, [*exactly, (0, b"\r\n.\r\n")], limits=limits)
    assert ending == NotTaken(reply=replies.TOO_LARGE)
    assert octets == b""
    ending, _, _ = play(tmp_path, [(0, line * 1024)] * 61, limits=limits)
    assert ending == NotTaken(reply=replies.TOO_LARGE, fatal=True)


def test_a_full_spool_is_said_at_the_end(tmp_path):
    room = SpoolRoom(tmp_path, octets=100, reserve=0)
    ending, _, _ = play(tmp_path, [(0, b"x" * 200), (0, b"\r\n.\r\n")], room=room)
    assert ending == NotTaken(reply=replies.NO_ROOM)


def test_what_a_client_leaves_half_sent_is_no_message(tmp_path):
    with pytest.raises(ClientGone):
        play(tmp_path, [(0, b"text\r\n."), (0, None)])
