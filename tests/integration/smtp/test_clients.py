"""Clients that others wrote: swaks and OpenSSL; and what operators get to see."""

import logging
import shutil
import subprocess

import pytest
import structlog

from ceralacca.testing.paper_cast import ANNA, MARIO
from ceralacca.testing.reception import HOST, PASSWORD


def run(*command, given=""):
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


swaks = pytest.mark.skipif(shutil.which("swaks") is None, reason="needs swaks")


@swaks
@pytest.mark.system
@pytest.mark.requirement("AP-1")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [True, False])
def test_swaks_submits(access, tls_authority, mechanism, implicit):
    done = run(
        "swaks", "--server", "127.0.0.1", "--port", str(access.server.ports[0 if implicit else 1]),
        "--tls-on-connect" if implicit else "--tls", "--tls-verify", "--tls-ca-path", str(tls_authority.file),
        "--auth", mechanism, "--auth-user", MARIO.text, "--auth-password", PASSWORD,
        "--from", MARIO.text, "--to", ANNA.text, "--helo", "client.example", "--body", "Buongiorno.\n.\nfine",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (message,) = access.store.messages
    assert b"Buongiorno.\r\n.\r\nfine" in message.octets
    assert message.authenticated == MARIO.text


@swaks
@pytest.mark.system
def test_swaks_pipelines_to_the_incoming_point(incoming):
    done = run(
        "swaks", "--server", "127.0.0.1", "--port", str(incoming.port), "--tls", "--pipeline",
        "--from", ANNA.text, "--to", MARIO.text, "--helo", "mx.beta.example",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert len(incoming.store.messages) == 1


@pytest.mark.system
@pytest.mark.requirement("SE-1", "IP-1")
def test_openssl_finds_starttls_with_tls_1_2_and_1_3_and_nothing_older(incoming, tls_authority):
    def connect(*options):
        return run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{incoming.port}", "-starttls", "smtp",
            "-verify_return_error", "-CAfile", str(tls_authority.file), "-verify_hostname", HOST, "-quiet", *options,
            given="QUIT\r\n",
        )  # fmt: skip

    for version in ("-tls1_2", "-tls1_3"):
        done = connect(version, "-crlf")
        assert done.returncode == 0, done.stderr
    for version in ("-tls1", "-tls1_1"):
        assert connect(version, "-cipher", "DEFAULT:@SECLEVEL=0").returncode != 0


def test_diagnostics_are_one_line_a_connection_without_addresses(access):
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with structlog.testing.capture_logs() as lines:
        with access.signed_in() as wire:
            wire.say("MAIL FROM:<altri@ditta.example>")
            wire.say(f"MAIL FROM:<{MARIO}>")
            wire.say(f"RCPT TO:<{ANNA}>")
            wire.say("DATA")
            wire.send(b"Subject: x\r\n\r\n.\r\n")
            wire.reply()
            wire.say("QUIT")
        access.server.stop()
    (line,) = [line for line in lines if line["event"] == "smtp.connection"]
    assert (line["messages"], line["errors"], line["ended"], line["point"]) == (1, 1, "quit", "access")
    assert "@" not in str(lines)
    assert ".example" not in str(lines)


def test_the_library_below_says_nothing(access, caplog):
    caplog.set_level(logging.DEBUG)
    with access.signed_in() as wire:
        wire.say(f"MAIL FROM:<{MARIO}>")
    access.server.stop()
    assert MARIO.text not in caplog.text
