"""Programs that others wrote read a mailbox: mbsync over IMAP, mutt over IMAP and over POP3."""

import os
import re
import shutil
import subprocess

import pytest

from .conftest import PASSWORD

pytestmark = pytest.mark.system

MESSAGES = [
    b"Subject: numero %d\r\nMessage-ID: <%d@alfa.test>\r\n\r\nCorpo \xe0\r\n.\r\n%d\r\n" % (n, n, n) for n in range(20)
]


def program(name) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}")
    return path


def run(command, folder, **named):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False, **named)


@pytest.fixture
def full(world, mailbox):
    for octets in MESSAGES:
        world.deliver(mailbox, octets)
    return mailbox


@pytest.mark.requirement("MO-9", "DP-7")
def test_mbsync_fetches_every_message_as_it_is(world, full, tmp_path):
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "local").mkdir()
    (tmp_path / "mbsyncrc").write_text(f"""
IMAPAccount pec
Host localhost
Port {world.port}
User {full}
PassCmd "cat {tmp_path}/password"
SSLType IMAPS
SystemCertificates no
CertificateFile {world.authority.file}
AuthMechs *

IMAPStore far
Account pec

MaildirStore near
Path {tmp_path}/local/
Inbox {tmp_path}/local/INBOX
SubFolders Verbatim

Channel pec
Far :far:
Near :near:
Patterns *
Create Near
Expunge None
""")
    done = run([program("mbsync"), "-c", str(tmp_path / "mbsyncrc"), "-a"], tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    # mbsync keeps LF on disk, and a mark of its own.
    files = [path for path in (tmp_path / "local" / "INBOX").glob("*/*") if path.is_file()]
    fetched = [re.sub(rb"X-TUID: .*\n", b"", path.read_bytes()) for path in files]
    assert sorted(fetched) == sorted(octets.replace(b"\r\n", b"\n") for octets in MESSAGES)
    assert {path.name for path in (tmp_path / "local").iterdir()} == {
        "INBOX",
        "Inviata",
        "Bozze",
        "Cestino",
        "Archivio",
    }


@pytest.mark.requirement("DP-7")
@pytest.mark.parametrize("scheme", ["imaps", "pops"])
def test_mutt_opens_the_mailbox_and_saves_what_is_in_it(world, full, tmp_path, scheme):
    port = world.port if scheme == "imaps" else world.pop_port
    (tmp_path / "muttrc").write_text(f"""
set certificate_file="{world.authority.file}"
set ssl_usesystemcerts=no
set ssl_force_tls=yes
set imap_user="{full}" imap_pass="{PASSWORD}" pop_user="{full}" pop_pass="{PASSWORD}"
set folder="{tmp_path}" spoolfile="{scheme}://localhost:{port}/" header_cache="" confirmcreate=no confirmappend=no
set delete=no copy=no quit=yes mbox_type=Maildir wait_key=no pop_delete=no
push "T.*<enter>;C{tmp_path}/saved<enter>q"
""")
    (tmp_path / "saved").mkdir()
    for name in ("new", "cur", "tmp"):
        (tmp_path / "saved" / name).mkdir()
    done = run(
        [program("script"), "-qec", f"{program('mutt')} -F {tmp_path}/muttrc", "/dev/null"],
        tmp_path,
        stdin=subprocess.DEVNULL,
    )
    saved = [path.read_bytes() for path in (tmp_path / "saved").glob("*/*")]
    assert len(saved) == len(MESSAGES), done.stdout.decode("utf-8", "replace")[-2000:]
