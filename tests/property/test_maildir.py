"""Delivery into a mailbox, cut anywhere any number of times, with a holder who reads, moves and deletes meanwhile.

Whatever happens, each letter was shown once: what is in the mailbox and what the holder took out of it are
together exactly the letters whose delivery was told as done, each once, each whole; and nothing that was told as
done is missing.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Coming, Put, PutOutcome
from ceralacca.store import maildir as module
from ceralacca.store import maildir_aside as aside
from ceralacca.store.maildir import Maildir
from ceralacca.testing.clock import FixedClock

BOXES = [Address("a@alfa.test"), Address("b@alfa.test")]
LETTERS = st.lists(st.integers(0, 5), min_size=1, max_size=4)


class Cut(BaseException):
    """The process ends here."""


def octets(letter: int) -> bytes:
    return b"Subject: %d\r\n\r\n%s\r\n" % (letter % 3, b"x" * (letter % 3))


class Mailboxes(RuleBasedStateMachine):
    """A delivery point that dies at will, and a holder."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="pec-"))
        self.store = Maildir(self.folder / "mail", clock=FixedClock())
        self.told: set[tuple[Address, int]] = set()
        self.taken_out: list[tuple[Address, bytes]] = []

    def teardown(self):
        shutil.rmtree(self.folder)

    def shown(self, box: Address) -> list[Path]:
        home = self.store.home(box) / "Maildir"
        return sorted([*home.glob("new/*"), *home.glob("cur/*"), *home.glob(".Archivio/cur/*")])

    def put(self, letters: list[int], foreseen: int) -> None:
        puts = [Put(mailbox=box, name=f"{n}", octets=octets(n), quota=10**6) for n in letters for box in BOXES]
        with self.store.in_hand() as mail:
            mail.expect([Coming(mailbox=put.mailbox, name=put.name, octets=put.octets) for put in puts[:foreseen]])
            outcomes = mail.put(puts)
            mail.settle()
        for put, outcome in zip(puts, outcomes, strict=True):
            key = (put.mailbox, int(put.name))
            assert outcome is not PutOutcome.OVER_QUOTA
            assert not (outcome is PutOutcome.STORED and key in self.told)
            self.told.add(key)

    @rule(letters=LETTERS, foreseen=st.integers(0, 8))
    def deliver(self, letters, foreseen):
        self.put(letters, foreseen)

    @rule(letters=LETTERS, foreseen=st.integers(0, 8), after=st.integers(0, 60))
    def die_while_delivering(self, letters, foreseen, after):
        left = after

        def reach(_):
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut

        def vanish(of: aside.Aside):
            for written in of._written.values():
                os.close(written.handle)
            of.homes.close()

        with (
            mock.patch.object(module, "reach", reach),
            mock.patch.object(aside, "reach", reach),
            mock.patch.object(aside.Aside, "close", vanish),
            suppress(Cut),
        ):
            self.put(letters, foreseen)

    @precondition(lambda self: any(self.shown(box) for box in BOXES))
    @rule(data=st.data(), act=st.sampled_from(["read", "move", "delete"]))
    def holder(self, data, act):
        box = data.draw(st.sampled_from([box for box in BOXES if self.shown(box)]))
        path = data.draw(st.sampled_from(self.shown(box)))
        home = self.store.home(box) / "Maildir"
        base = path.name.partition(":")[0]
        if act == "read":
            path.rename(path.parent.parent / "cur" / f"{base}:2,S") if path.parent.name == "new" else None
        elif act == "move":
            (home / ".Archivio" / "cur").mkdir(parents=True, exist_ok=True)
            path.rename(home / ".Archivio" / "cur" / f"moved.{base[-60:]}:2,S")
        else:
            self.taken_out.append((box, path.read_bytes()))
            path.unlink()

    @invariant()
    def each_letter_was_shown_once(self):
        for box in BOXES:
            seen = [path.read_bytes() for path in self.shown(box)]
            seen += [content for of, content in self.taken_out if of == box]
            for content in set(seen):
                same = [n for n in range(6) if octets(n) == content]
                assert same, "a letter that is not whole"
                assert len([one for one in seen if one == content]) <= len(same)
            for content in {octets(n) for of, n in self.told if of == box}:
                told = [n for of, n in self.told if of == box and octets(n) == content]
                assert len([one for one in seen if one == content]) >= len(told)


@pytest.mark.requirement("DP-2", "DP-3", "DP-4")
class TestMailboxes(Mailboxes.TestCase):
    """Run by pytest."""

    settings = settings(max_examples=40, stateful_step_count=15)
