"""What happens after the answer: large folders that were searched are learnt, and nothing else is."""

import asyncio

import pytest
from starlette.responses import Response

from ceralacca.apps.web.folder_pages import learning_afterwards
from ceralacca.base.errors import WorldError
from ceralacca.net.header_index import WORTH
from ceralacca.net.imap_mailbox import Folder
from ceralacca.net.imap_search import Wanted


class Visit:
    """A mailbox that tells which folders it is asked to learn, and may be away."""

    def __init__(self, *, away=()):
        self.learnt, self.away = [], away

    def ask(self, question):
        question(self)

    def learn(self, folder):
        self.learnt.append(folder)
        if folder in self.away:
            raise WorldError("away")


def folder(name, total, **named):
    return Folder(name=name, role="", total=total, unseen=0, **named)


@pytest.mark.parametrize(
    ("wanted", "learnt"),
    [
        (Wanted(text="a"), ["INBOX", "Archivio"]),
        (Wanted(sender="a", unseen=True), ["INBOX", "Archivio"]),
        (Wanted(text="a", everywhere=True), []),
        (Wanted(unseen=True), []),
        (Wanted(), []),
    ],
)
def test_large_folders_are_learnt_after_a_search_in_their_headers(wanted, learnt):
    visit, response = Visit(away=("INBOX",)), Response()
    folders = [
        folder("INBOX", WORTH),
        folder("Bozze", WORTH - 1),
        folder("Ramo", WORTH, selectable=False),
        folder("Archivio", WORTH + 1),
    ]
    assert learning_afterwards(visit, response, folders, wanted) is response
    assert visit.learnt == []
    if response.background is not None:
        asyncio.run(response.background())
    assert visit.learnt == learnt
