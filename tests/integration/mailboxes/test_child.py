"""Dovecot as our child: up when it says so, gone when we are, and clear about what is in its way."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.net.dovecot_child import DovecotChild, server_user
from ceralacca.net.dovecot_configuration import ServerUser
from ceralacca.net.dovecot_processes import processes_of, wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def own(new_world):
    """A world of the test's own, not started."""
    return new_world()


def left(world) -> set[int]:
    return processes_of(world.server.settings.base.resolve())


def test_it_starts_answers_and_stops_without_leaving_anything(own):
    own.server.start()
    pid = own.server.pid
    assert own.server.healthy()
    assert pid in left(own)
    mailbox = own.open_mailbox("a@alfa.test")
    with own.imap(mailbox) as client:
        client.select()
        own.server.stop()
        assert left(own) == set()
        assert processes_of(Path("/nowhere"), pid) == set()
    assert own.server.pid is None
    assert not own.server.healthy()
    own.server.stop()  # harmless


def test_it_starts_again_on_what_it_left(own):
    own.server.start()
    mailbox = own.open_mailbox("a@alfa.test")
    own.deliver(mailbox, b"Subject: x\r\n\r\n")
    with own.imap(mailbox) as client:
        client.select()
        client.store("1", "+FLAGS", r"(\Flagged)")
    own.server.stop()
    own.server.start()
    with own.imap(mailbox) as client:
        client.select()
        assert client.search(None, "FLAGGED") == ("OK", [b"1"])


def test_one_that_died_is_seen_and_started_anew(own):
    own.server.start()
    os.kill(own.server.pid, signal.SIGKILL)
    assert wait_until(lambda: not own.server.healthy(), 10)
    own.server.restart()
    assert own.server.healthy()
    with own.imap(own.open_mailbox("a@alfa.test")) as client:
        assert client.select() == ("OK", [b"0"])


def test_one_that_an_earlier_run_left_is_ended_first(own):
    own.server.start()
    first = own.server.pid
    second = DovecotChild(own.server.settings, server_user())
    second.prepare()
    try:
        second.start()
        assert second.pid != first
        assert first not in left(own)
    finally:
        second.stop()


def test_the_number_that_a_forced_one_left_may_be_another_process_s_by_now(own):
    own.server.start()
    base = own.server.settings.base
    for pid in left(own):
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not left(own), 10)
    (base / "master.pid").write_text(f"{os.getppid()}\n")
    own.server.restart()
    assert own.server.healthy()


def test_it_does_not_outlive_us(own):
    """Killed, with no time for a last word."""
    program = textwrap.dedent(f"""
        import signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import conftest
        world = conftest.make_world()
        world.server.start()
        print(world.server.settings.base.resolve(), flush=True)
        signal.pause()
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        base = next(Path(line.strip()) for line in iter(parent.stdout.readline, "") if line.startswith("/"))
        assert processes_of(base)
        parent.kill()
    assert wait_until(lambda: not processes_of(base), 20)
    subprocess.run(["rm", "-rf", str(base.parent.parent)], check=True)


def test_a_taken_port_is_said_so_and_leaves_nothing(own):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = replace(own.server.settings, imaps_port=taken.getsockname()[1])
        child = DovecotChild(settings, server_user())
        child.prepare()
        with pytest.raises(WorldError, match="did not start") as refused:
            child.start()
    assert str(settings.log) in refused.value.remedy
    assert left(own) == set()


def test_without_dovecot_the_one_line_to_type_is_named(own, tmp_path):
    with pytest.raises(UserError) as refused:
        DovecotChild(own.server.settings, server_user(), program=tmp_path / "dovecot")
    assert "apt-get install dovecot-imapd dovecot-pop3d" in refused.value.remedy


def test_another_version_is_refused_before_anything_is_written(own, tmp_path):
    program = tmp_path / "dovecot"
    program.write_text("#!/bin/sh\necho '2.4.1 (x)'\n")
    program.chmod(0o755)
    child = DovecotChild(own.server.settings, server_user(), program=program)
    with pytest.raises(UserError, match=r"2\.4\.1 is not supported"):
        child.prepare()
    assert not own.server.settings.run_folder.exists()


def test_a_missing_certificate_is_said_so(own):
    child = DovecotChild(replace(own.server.settings, certificate=Path("/nowhere.pem")), server_user())
    with pytest.raises(WorldError, match=r"nowhere\.pem"):
        child.prepare()


def test_what_it_is_given_is_for_nobody_else(own):
    own.server.start()
    settings = own.server.settings
    assert settings.run_folder.stat().st_mode & 0o777 == 0o700
    for name in ("tls.key", "dovecot.conf", "login.sock", "mailbox.sock"):
        assert (settings.run_folder / name).stat().st_mode & 0o777 == 0o600
    assert settings.log.stat().st_mode & 0o777 == 0o600


def test_a_user_who_cannot_enter_is_told_of_the_folder_in_the_way(own):
    closed = own.folder / "closed"
    closed.mkdir(mode=0o700)
    stranger = ServerUser(name="estraneo", group="estranei", uid=54321, gid=54321)
    child = DovecotChild(own.server.settings, stranger)
    with pytest.raises(UserError, match="estraneo cannot enter") as refused:
        child.check_way(closed / "mail")
    assert str(closed) in refused.value.remedy
    closed.chmod(0o711)
    child.check_way(closed / "mail")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_started_by_root_nothing_runs_as_root(own):
    own.server.start()
    mailbox = own.open_mailbox("a@alfa.test")
    with own.imap(mailbox) as client:
        client.select()
        owners = {
            Path(f"/proc/{pid}").stat().st_uid
            for pid in processes_of(own.server.settings.base.resolve(), own.server.pid)
        }
    assert owners == {server_user().uid}


def test_mailboxes_never_belong_to_root():
    if os.geteuid() == 0:
        with pytest.raises(UserError, match="root"):
            server_user("root")
        with pytest.raises(UserError, match="no user"):
            server_user("nobody-of-that-name")
    else:
        assert server_user("whoever").uid == os.geteuid()
