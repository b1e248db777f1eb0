"""A mailbox seen through IMAP, as the web pages need it: folders, pages of messages, one message, flags, moves.

One connection over TLS to our own Dovecot, used by one thread at a time. Everything blocks. Nothing is kept here of
what the server says: flags and folders have one truth, and every other client sees the same. The inbox stays open
between questions, and is brought up to date before each: opening 100,000 messages takes the server a quarter of a
second. Any other folder is opened anew, for somebody else may have deleted it and made another of its name.

Errors of the connection are WorldError; a folder or message that is not there is `NotInMailbox`.

Clauses: DP-7 (TLS only), DP-8 (nothing is changed but what the holder asks for).
"""

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from ceralacca.base.errors import UserError, WorldError
from ceralacca.formats.folder_name import decode_folder, encode_folder
from ceralacca.net.header_index import WORTH, HeaderIndex, KnownHeaders
from ceralacca.net.imap_headers import FolderMoved, read_headers
from ceralacca.net.imap_names import quoted
from ceralacca.net.imap_search import Wanted

_SECONDS: Final = 30.0
_LIST = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?P<name>.*)\Z', re.DOTALL)
_STATUS = re.compile(rb"(?P<name>.*) \((?P<items>[^()]*)\)\Z", re.DOTALL)
_ITEM = re.compile(rb"(MESSAGES|UNSEEN) (\d+)")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_CODE = re.compile(r"\[([^\] ]*)[^\]]*\]\s*")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]*)"')
_APPENDED = re.compile(rb"\[APPENDUID \d+ (\d+)\]")
_FIELDS: Final = (
    "FROM TO CC SUBJECT DATE MESSAGE-ID CONTENT-TYPE X-TRASPORTO X-RICEVUTA X-TIPORICEVUTA X-RIFERIMENTO-MESSAGE-ID"
)
_INBOX: Final = "INBOX"
_SPECIAL: Final = {rb"\Sent": "sent", rb"\Drafts": "drafts", rb"\Trash": "trash", rb"\Archive": "archive"}
_DRAFT_OF_OTHERS: Final = "PecDelegate"
"""Keyword of drafts that were appended by somebody who may write and not more."""
_OPEN_AT_ONCE: Final = 500
"""Message numbers that one command names."""


class NotInMailbox(UserError):
    """There is no such folder, or no such message in it."""


class MailboxRefused(UserError):
    """The server does not do what it was asked; `answer` is what it said, for the holder: no room, no such right."""

    def __init__(self, answer: str) -> None:
        answer = answer[:200]
        code = _CODE.match(answer)
        self.answer = answer[code.end() :] if code else answer
        self.code = code[1] if code else ""
        """Of RFC 5530, such as OVERQUOTA; empty when the server gives none."""
        super().__init__(f"the mailbox refuses: {self.answer}")


class MayNotChange(UserError):
    """Whoever asks may not change that in this mailbox."""

    def __init__(self) -> None:
        super().__init__("whoever is signed in may not change that here", remedy="ask the holder of the mailbox")


class MailboxUse(Enum):
    """What a connection is for: it refuses the rest, whoever asks through it."""

    WHOLE = "whole"
    WRITE = "write"
    """Read, mark as read or unread, and append. Of messages only drafts that were appended so are deleted."""
    LOOK = "look"
    """Read, and change nothing."""


class SignedOut(UserError):
    """The server does not let us in: the session has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where our Dovecot is."""

    host: str
    port: int
    name: str
    """In its certificate."""
    tls: ssl.SSLContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One folder of a mailbox."""

    name: str
    role: str
    """`inbox`, `sent`, `drafts`, `trash`, `archive`, or empty."""
    total: int
    unseen: int
    selectable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One message in a list: what the index knows, and some fields of its header, which prove nothing (GE-8)."""

    uid: int
    size: int
    seen: bool
    answered: bool
    arrived: datetime
    header: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of a folder, the newest message first."""

    folder: str
    validity: int
    """UIDVALIDITY: a message is known for ever by folder, this and its number."""
    total: int
    """Of the folder, or of what was found in it."""
    messages: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """The folder that the connection has open."""

    folder: str
    readonly: bool
    total: int
    validity: int


class _Connection(imaplib.IMAP4_SSL):
    """Connects to one host and asks for the certificate of another name: ours, behind its own address."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        super().__init__(server.host, server.port, ssl_context=server.tls, timeout=_SECONDS)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = socket.create_connection((self._server.host, self._server.port), timeout)
        return self._server.tls.wrap_socket(plain, server_hostname=self._server.name)


class ImapMailbox:
    """One signed-in connection. Not safe between threads."""

    def __init__(
        self,
        server: MailServer,
        mailbox: str,
        password: bytes,
        *,
        use: MailboxUse = MailboxUse.WHOLE,
        known: KnownHeaders | None = None,
    ) -> None:
        """Sign in. `known` makes searches in large folders quick. Raises SignedOut, WorldError."""
        self._use = use
        self._known = known
        self._opened: _Opened | None = None
        try:
            self._imap = _Connection(server)
        except (OSError, imaplib.IMAP4.error) as error:
            raise _away(error) from error
        try:
            self._sign_in(mailbox, password)
        except (imaplib.IMAP4.error, OSError) as error:
            self._imap.shutdown()
            if isinstance(error, imaplib.IMAP4.abort | OSError):
                raise _away(error) from error
            raise SignedOut("the mailbox does not open", remedy="sign in again") from error

    def _sign_in(self, mailbox: str, password: bytes) -> None:
        self._imap.authenticate("PLAIN", lambda _: b"\0%b\0%b" % (mailbox.encode(), password))

    def close(self) -> None:
        """Sign out."""
        with suppress(imaplib.IMAP4.error, OSError):
            self._imap.logout()
        with suppress(OSError):
            self._imap.shutdown()

    def alive(self) -> bool:
        """Say whether the server still answers."""
        try:
            return bool(self._imap.noop()[0] == "OK")
        except (imaplib.IMAP4.error, OSError):
            return False

    # -- folders ------------------------------------------------------------------------------------

    def folders(self) -> tuple[Folder, ...]:
        """Return all folders with their counts: the inbox first, then those with a role, then by name."""
        with translated():
            self._imap.untagged_responses.pop("STATUS", None)
            self._imap.untagged_responses.pop("LIST", None)
            kind, data = self._imap.xatom("LIST", '""', '"*"', "RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))")
            _expect(kind, data)
            listed, counted = self._imap.response("LIST")[1], self._imap.response("STATUS")[1]
        counts = dict(_statuses(counted))
        found = []
        for flags, name in listed_names(listed):
            total, unseen = counts.get(name, (0, 0))
            selectable = not flags & {rb"\Noselect", rb"\NonExistent"}
            role = "inbox" if name == _INBOX else next((_SPECIAL[flag] for flag in flags if flag in _SPECIAL), "")
            found.append(Folder(name=name, role=role, total=total, unseen=unseen, selectable=selectable))
        order = ("inbox", "sent", "drafts", "archive", "trash", "")
        return tuple(sorted(found, key=lambda one: (order.index(one.role), one.name.lower())))

    def page(self, folder: str, *, start: int, count: int, wanted: Wanted | None = None) -> Page:
        """Return `count` messages of a folder from the `start`-th newest on, of all or of those wanted."""
        with translated():
            total = self._open(folder, readonly=True)
            validity = self._validity()
            if wanted is None or wanted.nothing:
                last = total - start
                if last <= 0:
                    return Page(folder=folder, validity=validity, total=total, messages=())
                spread = f"{max(1, last - count + 1)}:{last}"
                data = self._imap.fetch(spread, _list_items())[1]
            else:
                found = self._found(folder, wanted)
                total = len(found)
                chosen = found[::-1][start : start + count]
                if not chosen:
                    return Page(folder=folder, validity=validity, total=total, messages=())
                data = self._imap.uid("FETCH", ",".join(map(str, chosen)), _list_items())[1]
        messages = sorted(_listed(data), key=lambda one: one.uid, reverse=True)
        return Page(folder=folder, validity=validity, total=total, messages=tuple(messages))

    def find(self, folder: str, field: str, value: str) -> tuple[int, ...]:
        """Return the messages of a folder in whose header field a text occurs."""
        with translated():
            self._open(folder, readonly=True)
            return tuple(self._search(b"HEADER %b %b" % (field.encode("ascii"), quoted(value))))

    def learn(self, folder: str) -> None:
        """Read what makes later searches in a large folder quick; in a small one, or a known one, do nothing."""
        if self._known is None:
            return
        with self._known.learning(folder) as mine, translated():
            if mine and self._open(folder, readonly=True) >= WORTH:
                self._learn(folder, self._known)

    def _learn(self, folder: str, known: KnownHeaders) -> None:
        opened, validity = self._opened, self._validity()
        index = known.get(folder, validity) or HeaderIndex.nothing(validity)
        if opened is None or opened.total - index.known < index.known // 20:
            return
        self._opened = None
        with suppress(FolderMoved):
            index = index.with_messages(read_headers(self._imap, index.following))
            self._opened = opened
            known.put(folder, index)

    # -- messages -----------------------------------------------------------------------------------

    def fetch(self, folder: str, uid: int, *, limit: int | None = None) -> bytes:
        """Return a message as it is stored, or its first `limit` octets. It stays as read or unread as it was."""
        part = "" if limit is None else f"<0.{limit}>"
        with translated():
            self._open(folder, readonly=True)
            data = self._imap.uid("FETCH", str(uid), f"(BODY.PEEK[]{part})")[1]
        for one in data:
            if isinstance(one, tuple):
                return bytes(one[1])
        raise NotInMailbox("the message is not in this folder any more", remedy="look at the folder again")

    def one(self, folder: str, uid: int) -> tuple[Listed, int]:
        """Return what a list would say of one message, and the UIDVALIDITY of its folder."""
        with translated():
            self._open(folder, readonly=True)
            validity = self._validity()
            data = self._imap.uid("FETCH", str(uid), _list_items())[1]
        for listed in _listed(data):
            return listed, validity
        raise NotInMailbox("the message is not in this folder any more", remedy="look at the folder again")

    def mark(self, folder: str, uids: Sequence[int], *, flag: str, on: bool) -> None:
        r"""Set or take away a flag, such as `\Seen`."""
        self._must_be(MailboxUse.WHOLE, MailboxUse.WRITE)
        if flag != r"\Seen":
            self._must_be(MailboxUse.WHOLE)
        self._store(folder, uids, flag, on=on)

    def _store(self, folder: str, uids: Sequence[int], flag: str, *, on: bool) -> None:
        with translated():
            self._open(folder, readonly=False)
            for some in _portions(uids):
                kind, data = self._imap.uid("STORE", some, "+FLAGS.SILENT" if on else "-FLAGS.SILENT", f"({flag})")
                _expect(kind, data)

    def move(self, folder: str, uids: Sequence[int], *, target: str) -> None:
        """Move messages to another folder (RFC 6851)."""
        self._must_be(MailboxUse.WHOLE)
        with translated():
            self._open(folder, readonly=False)
            for some in _portions(uids):
                kind, data = self._imap.uid("MOVE", some, quoted(encode_folder(target)))  # type: ignore[arg-type]
                _expect(kind, data)

    def delete(self, folder: str, uids: Sequence[int]) -> None:
        """Delete messages for good (UIDPLUS: nothing else goes with them); of the use WRITE, its own drafts alone."""
        self._must_be(MailboxUse.WHOLE, MailboxUse.WRITE)
        if self._use is MailboxUse.WRITE:
            with translated():
                self._open(folder, readonly=True)
                uids = sorted(set(uids) & set(self._search(f"KEYWORD {_DRAFT_OF_OTHERS}".encode("ascii"))))
        self._store(folder, uids, r"\Deleted", on=True)
        with translated():
            for some in _portions(uids):
                kind, data = self._imap.uid("EXPUNGE", some)
                _expect(kind, data)

    def append(self, folder: str, octets: bytes, *, flags: str, instant: datetime) -> int:
        """Put a message of the holder's own into a folder and return its number."""
        self._must_be(MailboxUse.WHOLE, MailboxUse.WRITE)
        if self._use is MailboxUse.WRITE and r"\Draft" in flags.split():
            flags = f"{flags} {_DRAFT_OF_OTHERS}"
        with translated():
            kind, data = self._imap.append(
                quoted(encode_folder(folder)).decode("latin-1"),
                f"({flags})",
                imaplib.Time2Internaldate(instant.astimezone(UTC)),
                octets,
            )
            _expect(kind, data)
        found = _APPENDED.search(b" ".join(one for one in data if isinstance(one, bytes)))
        return int(found[1]) if found else 0

    def create(self, folder: str) -> None:
        """Make a folder and subscribe to it."""
        self._must_be(MailboxUse.WHOLE)
        with translated():
            kind, data = self._imap.create(quoted(encode_folder(folder)).decode("latin-1"))
            _expect(kind, data)
            self._imap.subscribe(quoted(encode_folder(folder)).decode("latin-1"))

    # -- inside -------------------------------------------------------------------------------------

    def _must_be(self, *uses: MailboxUse) -> None:
        """Raise MayNotChange unless the connection is for one of these."""
        if self._use not in uses:
            raise MayNotChange

    def _open(self, folder: str, *, readonly: bool) -> int:
        """Open a folder, or bring the open inbox up to date; return how many messages it has."""
        opened, self._opened = self._opened, None
        if opened is not None and opened.folder == folder == _INBOX and (readonly or not opened.readonly):
            total = self._total_now(opened)
            if total is not None:
                self._opened = replace(opened, total=total)
                return total
        self._opened = self._open_anew(folder, readonly=readonly)
        return self._opened.total

    def _open_anew(self, folder: str, *, readonly: bool) -> _Opened:
        kind, data = self._imap.select(quoted(encode_folder(folder)).decode("latin-1"), readonly=readonly)
        if kind != "OK":
            raise NotInMailbox("there is no such folder", remedy="choose one of the list")
        total, named = int(data[0] or b"0"), self._imap.response("UIDVALIDITY")[1]
        validity = int(named[0] or b"0") if named and named[0] else 0
        return _Opened(folder=folder, readonly=readonly, total=total, validity=validity)

    def _total_now(self, opened: _Opened) -> int | None:
        """Ask what has changed in the open inbox; None when messages are gone, which moves the numbers of the rest."""
        kind, _ = self._imap.noop()
        gone, exist, _ = (self._imap.response(code)[1] for code in ("EXPUNGE", "EXISTS", "FETCH"))
        if kind != "OK" or gone != [None] or "NO" in self._imap.untagged_responses:
            return None
        return int(exist[-1]) if exist[-1] is not None else opened.total

    def _validity(self) -> int:
        return self._opened.validity if self._opened else 0

    def _found(self, folder: str, wanted: Wanted) -> list[int]:
        """Search in the open folder, where its headers are known among the messages that may have what is wanted."""
        index = self._known.get(folder, self._validity()) if self._known and wanted.headers else None
        sets = index.possible(wanted.headers) if index else None
        if sets is None:
            return self._search(wanted.criteria())
        return sorted({uid for some in sets for uid in self._search(b"UID %b %b" % (some, wanted.criteria()))})

    def _search(self, criteria: bytes) -> list[int]:
        kind, data = self._imap.uid("SEARCH", b"CHARSET UTF-8", criteria)  # type: ignore[arg-type]
        _expect(kind, data)
        return sorted(int(one) for one in (data[0] or b"").split()) if data else []


def _list_items() -> str:
    return f"(UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({_FIELDS})])"


def _listed(data: Sequence[Any]) -> Iterator[Listed]:
    """Read the answers to FETCH: before each literal stands what the index knows, sometimes the rest behind it."""
    for position, one in enumerate(data):
        if not isinstance(one, tuple):
            continue
        after = data[position + 1] if position + 1 < len(data) and isinstance(data[position + 1], bytes) else b""
        facts = listed_facts(one[0] + b" " + after)
        if facts is None:
            continue
        uid, size, marks, arrived = facts
        yield Listed(
            uid=uid,
            size=size,
            seen=rb"\Seen" in marks,
            answered=rb"\Answered" in marks,
            arrived=arrived,
            header=bytes(one[1]),
        )


def listed_facts(words: bytes) -> tuple[int, int, frozenset[bytes], datetime] | None:
    """Read UID, size, flags and arrival out of an answer to FETCH; None when it has no UID."""
    uid, size, flags, arrived = (pattern.search(words) for pattern in (_UID, _SIZE, _FLAGS, _DATE))
    if uid is None:
        return None
    marks = frozenset(flags[1].split()) if flags else frozenset()
    return int(uid[1]), int(size[1]) if size else 0, marks, _instant(arrived[1] if arrived else b"")


def _instant(text: bytes) -> datetime:
    with suppress(ValueError):
        return datetime.strptime(text.decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    return datetime(1970, 1, 1, tzinfo=UTC)


def listed_names(listed: Sequence[Any]) -> Iterator[tuple[frozenset[bytes], str]]:
    """Read the answers to LIST: attributes and name of each folder."""
    for one in listed or ():
        words, literal = one if isinstance(one, tuple) else (one, None)
        match = _LIST.match(words) if words else None
        if match is not None:
            name = literal if literal is not None else match["name"]
            yield frozenset(match["flags"].split()), decode_folder(_unquoted(name))


def _statuses(counted: Sequence[Any]) -> Iterator[tuple[str, tuple[int, int]]]:
    held = b""
    for one in counted or ():
        if isinstance(one, tuple):
            held = bytes(one[1])
            continue
        match = _STATUS.match(one) if one else None
        if match is not None:
            items = {item[1]: int(item[2]) for item in _ITEM.finditer(match["items"])}
            name = held or _unquoted(match["name"])
            yield decode_folder(name), (items.get(b"MESSAGES", 0), items.get(b"UNSEEN", 0))
        held = b""


def _unquoted(name: bytes) -> bytes:
    if name[:1] == name[-1:] == b'"' and len(name) > 1:
        return re.sub(rb"\\(.)", rb"\1", name[1:-1])
    return name


def _portions(uids: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(uids), _OPEN_AT_ONCE):
        yield ",".join(map(str, uids[start : start + _OPEN_AT_ONCE]))


def _expect(kind: str, data: Sequence[Any]) -> None:
    if kind != "OK":
        words = b" ".join(one for one in data if isinstance(one, bytes)).decode("utf-8", "replace")
        raise MailboxRefused(words)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what imaplib raises into our errors."""
    try:
        yield
    except imaplib.IMAP4.abort as error:
        raise _away(error) from error
    except imaplib.IMAP4.error as error:
        raise MailboxRefused(str(error)[:200]) from error
    except OSError as error:
        raise _away(error) from error


def _away(error: Exception) -> WorldError:
    return WorldError(f"the mailboxes do not answer: {type(error).__name__}", remedy="try again in a moment")
