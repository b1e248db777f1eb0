"""Connections that are kept: used again, thrown away when they fail, closed when their time or session ends."""

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.net.imap_mailbox import MailboxRefused
from ceralacca.net.imap_pool import ImapPool


class Box:
    def __init__(self, *, fails=0):
        self.closed, self.fails = False, fails

    def ask(self):
        if self.fails:
            self.fails -= 1
            raise WorldError("closed by the server")
        return id(self)

    def close(self):
        self.closed = True


class World:
    def __init__(self):
        self.now, self.made = 0.0, []
        self.pool = ImapPool(now=lambda: self.now, keep=60)

    def connect(self):
        self.made.append(Box())
        return self.made[-1]

    def ask(self, session="a"):
        return self.pool.ask(session, self.connect, Box.ask)


@pytest.fixture
def world():
    return World()


def test_a_connection_is_used_again_by_its_session_alone(world):
    first = world.ask()
    assert world.ask() == first
    assert world.ask("b") != first
    assert len(world.made) == 2


def test_who_asks_while_one_is_in_use_gets_another(world):
    def both(box):
        return box.ask(), world.ask()

    one, other = world.pool.ask("a", world.connect, both)
    assert one != other


def test_one_that_the_server_has_closed_is_replaced_without_a_word(world):
    world.ask()
    world.made[0].fails = 1
    assert world.ask() == id(world.made[1])
    assert world.made[0].closed


def test_a_new_connection_that_fails_fails(world):
    def broken():
        world.made.append(Box(fails=1))
        return world.made[-1]

    with pytest.raises(WorldError):
        world.pool.ask("a", broken, Box.ask)
    assert world.made[0].closed


def test_a_refusal_keeps_the_connection(world):
    def refused(_box):
        raise MailboxRefused("no room")

    with pytest.raises(MailboxRefused):
        world.pool.ask("a", world.connect, refused)
    world.ask()
    assert len(world.made) == 1


def test_time_and_sign_out_close_them(world):
    world.ask()
    world.ask("b")
    world.now = 61
    world.ask("c")
    assert [box.closed for box in world.made] == [True, True, False]
    world.pool.forget("c")
    assert world.made[2].closed
    world.ask("d")
    world.pool.close()
    assert all(box.closed for box in world.made)
