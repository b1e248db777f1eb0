"""Mail programs of others against a running provider, set up with what `docs/clients.md` says and nothing else."""

import imaplib
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from ceralacca.apps.demo.cast import ALFA, ANNA, MARIO
from ceralacca.apps.demo.messages import letter, with_attachment
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.received import read_received
from ceralacca.testing.tls import TlsAuthority

pytestmark = [pytest.mark.system, pytest.mark.slow]

USUAL = {MARIO: [3, 10], ANNA: [4], ALFA.service_mailbox: [6]}
PROGRAMS = {
    "mutt": "mutt",
    "mbsync": "mbsync",
    "OfflineIMAP": "offlineimap",
    "fetchmail": "fetchmail",
    "getmail": "getmail",
    "msmtp": "msmtp",
    "swaks": "swaks",
}
OVER_IMAP = ("fetchmail", ("service 995 protocol pop3 uidl", "service 993 protocol imap"))
OVER_POP3 = (
    "getmail",
    ("SimpleIMAPSSLRetriever", "SimplePOP3SSLRetriever"),
    ("port = 993", "port = 995"),
    ('mailboxes = ("INBOX",)\n', ""),
)
FETCHERS = {
    "fetchmail, POP3": (("fetchmail",), "fetched"),
    "fetchmail, IMAP": (OVER_IMAP, "fetched"),
    "getmail, IMAP": (("getmail",), "got"),
    "getmail, POP3": (OVER_POP3, "got"),
}
AGAIN = {"fetchmail, POP3": 1, "fetchmail, IMAP": 1, "getmail, IMAP": 0, "getmail, POP3": 0}
"""Status of a second run, which must fetch nothing."""
SYNCERS = {"mbsync": "pec", "OfflineIMAP": "offline"}
FOLDERS = {"mbsync": "pec/INBOX", "OfflineIMAP": "offline/INBOX", "getmail": "got", "fetchmail": "fetched"}


@pytest.fixture
def imap(running):
    """Mario's mailbox as its server has it."""

    @contextmanager
    def imap(folder="INBOX"):
        account = running.account(MARIO)
        with imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls()) as server:
            server.login(account.address.text, account.password)
            server.select(folder)
            yield server

    return imap


def needs(program):
    if shutil.which(PROGRAMS[program]) is None:
        pytest.skip(f"needs {PROGRAMS[program]}")


def of_mario(came):
    """Return what came to Mario, as octets."""
    return [one.sighting.octets for one in came.messages if one.sighting.place == MARIO]


def below_header(octets):
    """Return the body: what a seal covers. getmail and getmail_maildir fold header fields anew and add some."""
    return octets.partition(b"\r\n\r\n")[2]


def without_mark(octets):
    """Take mbsync's field away, which is all that it adds."""
    return re.sub(rb"^X-TUID: .*\r\n", b"", octets, count=1, flags=re.MULTILINE)


def judge(running, desk, messages):
    """Have `pec verify` judge copies as a program keeps them, with LF on disk."""
    paths = [desk.write(f"judged/{number}.eml", octets) for number, octets in enumerate(messages)]
    nation = running.nation
    by = ["--trust", nation.pec_anchors, "--crl", nation.crls, "--directory", nation.directory_file]
    command = [sys.executable, "-c", "from ceralacca.apps.cli import main; main()", "verify", *by, *paths]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# -- reading ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("DP-7", "MO-9")
@pytest.mark.parametrize("way", FETCHERS)
def test_receipts_are_fetched_whole_and_stay_on_the_server(stage, running, desk, imap, way):
    (program, *changes), folder = FETCHERS[way]
    needs(program)
    came = stage.play(letter(), USUAL)
    commands = desk.set_up(program, *changes)
    desk.use(commands)
    told, copies = {below_header(octets) for octets in of_mario(came)}, desk.messages(folder)
    fresh = [octets for octets in copies if below_header(octets) in told]
    assert len(fresh) == len(told) == 2
    judge(running, desk, fresh)
    with imap() as server:
        _, found = server.search(None, "ALL")
        assert len(found[0].split()) == len(copies)
    desk.run(commands[-1], status=AGAIN[way])
    assert len(desk.messages(folder)) == len(copies)


@pytest.mark.requirement("DP-7", "MO-9")
@pytest.mark.parametrize("program", SYNCERS)
def test_a_synchroniser_carries_messages_and_flags_both_ways(stage, running, desk, imap, program):
    needs(program)
    root = SYNCERS[program]
    came = stage.play(letter(), USUAL)
    commands = desk.set_up(program)
    desk.use(commands)
    assert set(of_mario(came)) <= {without_mark(octets) for octets in desk.messages(f"{root}/INBOX")}
    folders = {path.name for path in (desk.home / root).iterdir() if (path / "cur").is_dir()}
    assert folders == {"INBOX", "Inviata", "Bozze", "Cestino", "Archivio"}
    judge(running, desk, [one for one in desk.messages(f"{root}/INBOX") if without_mark(one) in of_mario(came)])

    receipt = next(
        path
        for part in ("new", "cur")
        for path in (desk.home / root / "INBOX" / part).iterdir()
        if MessageRow.DELIVERY is read_received(path.read_bytes().replace(b"\n", b"\r\n")).row
        and without_mark(path.read_bytes().replace(b"\n", b"\r\n")) in of_mario(came)
    )
    wanted = identity(receipt.read_bytes())
    receipt.rename(desk.home / root / "INBOX" / "cur" / f"{receipt.name.partition(':')[0]}:2,S")
    mine = desk.write(
        "copia.eml", b"From: mario.rossi@pec.alfa.example\nSubject: copia\nMessage-ID: <c@x.example>\n\nciao\n"
    )
    mine.rename(desk.home / root / "Inviata" / "new" / "1.copia.localhost")
    with imap() as server:
        (uid,) = find(server, wanted)
        server.uid("STORE", uid, "+FLAGS", "(\\Flagged)")
    desk.run(commands[-1])
    with imap() as server:
        (uid,) = find(server, wanted)
        _, told = server.uid("FETCH", uid, "(FLAGS)")
        assert b"\\Seen" in told[0]
    with imap("Inviata") as server:
        (uid,) = find(server, "<c@x.example>")
        server.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
        server.expunge()
    here = [path for path in (desk.home / root / "INBOX" / "cur").iterdir() if identity(path.read_bytes()) == wanted]
    assert {"F", "S"} <= set(here[0].name.rpartition(",")[2])


@pytest.mark.requirement("DP-7")
def test_the_folders_of_the_page_are_announced(imap):
    with imap() as server:
        _, listed = server.list('""', '"*" RETURN (SPECIAL-USE)')
    told = {line.rpartition(b" ")[2].strip(b'"'): line for line in listed}
    page = {b"Inviata": b"\\Sent", b"Bozze": b"\\Drafts", b"Cestino": b"\\Trash", b"Archivio": b"\\Archive"}
    assert told.keys() == {b"INBOX", *page}
    assert all(use in told[name] for name, use in page.items())
    assert all(b'"/"' in line for line in listed)


# -- sending ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("AP-1")
@pytest.mark.parametrize(
    ("program", "changes"),
    [("msmtp", ()), ("msmtp", (("port 465", "port 587"), ("tls_starttls off", "tls_starttls on"))), ("swaks", ())],
    ids=["msmtp", "msmtp with STARTTLS", "swaks"],
)
def test_a_message_is_submitted_and_its_receipts_come(stage, desk, program, changes):
    needs(program)
    desk.write("messaggio.eml", letter())
    desk.use(desk.set_up(program, *changes))
    stage.settle(USUAL)


@pytest.mark.requirement("AP-1", "DP-7")
def test_mutt_sends_keeps_its_copy_and_reads_the_receipts(stage, desk, imap):
    needs("mutt")
    desk.write("contratto.pdf", b"%PDF-1.4\ncontenuto\n")
    desk.write("testo.txt", "Perché no?\n")
    desk.use(desk.set_up("mutt"))
    came = stage.settle(USUAL)
    assert came.facts(MessageRow.ACCEPTANCE).original.subject == "Disdetta"
    message_id = came.facts(MessageRow.ACCEPTANCE).original.client_message_id
    with imap("Inviata") as server:
        assert len(find(server, message_id)) == 1
    desk.write("keys", f'source "{desk.home}/.muttrc"\npush "T.*<enter>;C{desk.home}/saved<enter>q"\n')
    more = (
        "set mbox_type = Maildir\nset confirmcreate = no\nset confirmappend = no\nset quit = yes\nset wait_key = no\n"
    )
    desk.write("keys", more + (desk.home / "keys").read_text())
    desk.run(f"script -qec 'mutt -F {desk.home}/keys' /dev/null")
    saved = {without_status(octets) for octets in desk.messages("saved")}
    assert {without_status(octets) for octets in of_mario(came)} <= saved


@pytest.mark.requirement("AP-12", "MO-9", "DP-7")
def test_a_big_message_goes_out_and_its_receipt_comes_back_whole(stage, desk):
    for program in ("msmtp", *FOLDERS):
        needs(program)
    content = bytes(range(256)) * (12 * 2**20 // 256)
    fields, body = with_attachment(content, "grande.bin")
    desk.write("messaggio.eml", letter(fields=fields, body=body))
    desk.use(desk.set_up("msmtp"))
    came = stage.settle(USUAL)
    receipt = next(one for one in of_mario(came) if len(one) > len(content))
    for program, folder in FOLDERS.items():
        desk.use(desk.set_up(program))
        assert below_header(receipt) in {below_header(octets) for octets in desk.messages(folder)}, program


# -- TLS -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("DP-7", "AP-1", "SE-1")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_server_of_another_authority_is_not_believed(stage, running, desk, tmp_path, program):
    needs(program)
    desk.write("messaggio.eml", letter())
    desk.write("testo.txt", "ciao\n")
    desk.write("contratto.pdf", b"%PDF-1.4\n")
    commands = desk.set_up(program)
    desk.trust(TlsAuthority(tmp_path).file)
    desk.use(commands, status=None)
    stage.settle({})
    kept = [path for path in desk.home.rglob("*") if path.is_file() and path.parent.name in {"new", "cur"}]
    assert kept == []


def identity(octets):
    """Return the Message-ID."""
    return re.search(rb"^Message-ID:\s*(<[^>]+>)", octets, re.MULTILINE | re.IGNORECASE)[1].decode()


def find(server, message_id):
    """Return the UIDs of a message."""
    _, found = server.uid("SEARCH", "HEADER", "Message-ID", message_id)
    return [one.decode() for one in found[0].split()]


def without_status(octets):
    """Take away what mutt writes into the header of what it saves."""
    return re.sub(rb"^(Status|Content-Length|Lines): .*\r\n", b"", octets, flags=re.MULTILINE)
