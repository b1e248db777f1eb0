"""Folders of a Maildir (Maildir++): one beside the other, each with a dot in front, as the IMAP server makes them.

We put messages into them and make none: what a holder calls a folder is the server's. A holder may rename or delete a
folder at the very moment in which a message goes into it, so it is looked for by name just before, and once more just
after: a message is never left in a folder that is on its way out.

Labels (IMAP keywords) are not written. Dovecot keeps a table of them in each folder, guarded by a lock that stays
behind when its holder is killed and then stops every client for minutes: docs/adr/0014-rules-name-folders.md.

Clauses: DP-8.
"""

import os
import re
from typing import Final

from ceralacca.formats.folder_name import encode_folder

INBOX: Final = ""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE: Final = re.compile(rb"[^./\x00]+")
_LONGEST: Final = 255


def name_on_disk(folder: str) -> str:
    """Return the name of a holder's folder on disk; empty for the inbox and for what cannot be a folder's name."""
    pieces = encode_folder(folder).split(b"/")
    if folder.upper() == "INBOX" or not all(map(_PIECE.fullmatch, pieces)):
        return INBOX
    name = b"." + b".".join(pieces)
    return name.decode("ascii") if len(name) <= _LONGEST else INBOX


def open_new(maildir: int, name: str) -> int | None:
    """Open the `new` of a folder by its name on disk, below an open Maildir; None when there is no such folder.

    A link in its place is no folder.
    """
    try:
        folder = os.open(name, _FOLDER, dir_fd=maildir)
    except OSError:
        return None
    try:
        return os.open("new", _FOLDER, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)


def is_in_place(maildir: int, name: str, new: int) -> bool:
    """Say whether an open `new` is still that of the folder of that name."""
    again = open_new(maildir, name)
    if again is None:
        return False
    try:
        return os.path.sameopenfile(again, new)
    finally:
        os.close(again)
