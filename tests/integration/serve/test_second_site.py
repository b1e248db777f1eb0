"""Two sites by the commands of docs/how-to/second-site.md: the first is lost under load, the second misses nothing."""

import os
import re
import shutil
import signal
import smtplib
import socket
import threading
from collections import Counter
from contextlib import suppress
from itertools import count
from types import SimpleNamespace

import pytest

from ceralacca.testing.databases import PostgresCluster, postgresql_programs, private_postgresql
from ceralacca.testing.processes import family

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("SL-6", "AP-25")]

_NUMBER = count()
SITE = '\n[site]\nname = "{name}"\nmirror = "{mirror}"\nfollow_every = "1s"\n'


@pytest.fixture(scope="module")
def clusters():
    if postgresql_programs() is None:
        pytest.skip("the Debian package postgresql is missing")
    with private_postgresql() as roma:
        roma.wait_for_standby()
        with PostgresCluster(roma.programs, follows=roma, name="milano") as milano:
            yield SimpleNamespace(roma=roma, milano=milano)


@pytest.fixture(scope="module")
def database(clusters):
    return clusters.roma.new_database()


@pytest.fixture(scope="module")
def milano(provider, clusters, database):
    """The second site: the same settings and keys on its own folder and database; paired with the first."""
    folder = provider.folder.with_name("second_site_milano")
    folder.mkdir(mode=0o711)
    for name in ("keys", "log-keys", "tls"):
        shutil.copytree(provider.folder / name, folder / name)
    (folder / "data").mkdir(mode=0o700)
    text = provider.config.read_text()
    there = text.replace(database, clusters.milano.url_here(database))
    (folder / "pec.toml").write_text(there + SITE.format(name="milano", mirror=provider.data.root))
    provider.config.write_text(text + SITE.format(name="roma", mirror=folder / "data"))
    second = type(provider)(folder=folder, authority=provider.authority)
    assert "site pair" in provider.pec("serve", check=False).stderr
    provider.pec("site", "pair")
    yield second
    if second.process is not None:
        second.stop()


@pytest.fixture(scope="module")
def told():
    """What clients outside were told, by message; one that hears nothing for a while gives up."""
    socket.setdefaulttimeout(10)
    yield {}
    socket.setdefaulttimeout(None)


def answer(provider, serve, told, name):
    """Submit a message; return what was answered to the final dot, or instead of it; 0 for nothing."""
    name = f"{name}-{next(_NUMBER)}"
    told[name] = _answer(provider, serve, name)
    return told[name]


def _answer(provider, serve, name):
    try:
        with provider.submission() as smtp:
            smtp.sendmail(serve.ANNA, [serve.BRUNO], serve.message(message_id=f"<{name}@client.example>"))
    except smtplib.SMTPSenderRefused as error:
        return error.smtp_code
    except smtplib.SMTPDataError as error:
        return error.smtp_code
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))[0]
    except (OSError, smtplib.SMTPException):
        return 0
    return 250


def sick(provider):
    return provider.pec("site", "status", check=False).returncode


def test_a_site_that_lacks_the_other_takes_nothing(provider, milano, clusters, serve, told):
    provider.start()
    serve.until(lambda: answer(provider, serve, told, "first") == 250, "a first 250")
    assert sick(provider) == 0
    milano.data.root.rename(milano.folder / "unmounted")
    serve.until(lambda: answer(provider, serve, told, "no-mirror") == 451, "451 without the mirror")
    assert sick(provider) == 1
    (milano.folder / "unmounted").rename(milano.data.root)
    serve.until(lambda: answer(provider, serve, told, "mirror") == 250, "250 with the mirror")
    clusters.milano.kill()
    serve.until(lambda: answer(provider, serve, told, "no-standby") == 451, "451 without the standby")
    clusters.milano.start()
    serve.until(lambda: answer(provider, serve, told, "standby") == 250, "250 with the standby")


def test_alone_by_an_operators_word_and_together_again(provider, milano, clusters, serve, told):
    clusters.milano.kill()
    milano.data.root.rename(milano.folder / "unmounted")
    assert "reason" in provider.pec("site", "alone", "--reason", " ", check=False).stderr
    provider.pec("site", "alone", "--reason", "milano is being moved")
    serve.until(lambda: answer(provider, serve, told, "alone") == 250, "250 alone")
    findings = {one["code"]: one["level"] for one in provider.ask("doctor", check=False)["findings"]}
    assert findings["site-alone"] == "failed"
    (milano.folder / "unmounted").rename(milano.data.root)
    clusters.milano.start()
    serve.until(lambda: provider.pec("site", "together", check=False).returncode == 0, "both together")
    assert sick(provider) == 0
    acts = {one["act"] for one in provider.ask("audit", "list", "--act", "site")}
    assert {"site.paired", "site.alone", "site.together"} <= acts


@pytest.mark.requirement("DP-3", "IP-21", "LO-3")
def test_the_first_site_is_lost_under_load_and_the_second_misses_nothing(provider, milano, clusters, serve, told):
    assert "standby" in milano.pec("serve", check=False).stderr
    assert "hears its primary" in milano.pec("site", "promote", "--reason", "no reason", check=False).stderr
    stop = threading.Event()

    def load(worker):
        number = 0
        while not stop.is_set():
            answer(provider, serve, told, f"load-{worker}-{number}")
            number += 1

    clients = [threading.Thread(target=load, args=(worker,)) for worker in range(3)]
    for client in clients:
        client.start()
    serve.until(lambda: list(told.values()).count(250) >= 16, "load")
    for pid in family(provider.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    clusters.roma.kill()
    stop.set()
    for client in clients:
        client.join()
    provider.process.communicate()
    provider.process = None
    provider.data.root.rename(provider.folder / "lost")

    def promoted():
        return milano.pec("site", "promote", "--reason", "fire at roma", check=False).returncode == 0

    serve.until(promoted, "the promotion")
    milano.start()
    names = {name for name, code in told.items() if code == 250}

    def of(holder):
        found = Counter()
        for octets in milano.letters(holder):
            reference = serve.header(octets, "X-Riferimento-Message-ID") or ""
            kind = serve.header(octets, "X-Ricevuta") or serve.header(octets, "X-Trasporto")
            found[kind, re.sub(r"^<|@.*", "", reference)] += 1
        return found

    def complete():
        receipts, envelopes = of(serve.ANNA), of(serve.BRUNO)
        due = {(kind, name) for kind in ("accettazione", "avvenuta-consegna") for name in names}
        return due <= receipts.keys() and {("posta-certificata", name) for name in names} <= envelopes.keys()

    serve.until(complete, "every receipt of what was answered 250")
    assert set((of(serve.ANNA) | of(serve.BRUNO)).values()) == {1}
    assert milano.pec("log", "check", check=False).returncode == 0


def test_the_lost_site_comes_back_and_is_refused(provider, milano, clusters, serve, told):
    (provider.folder / "lost").rename(provider.data.root)
    clusters.roma.start()
    assert "has taken over (epoch 2, ours is 1)" in provider.pec("serve", check=False).stderr
    assert answer(milano, serve, told, "after") == 250


def test_a_new_first_site_is_paired_while_the_second_works(provider, milano, clusters, serve, told):
    clusters.roma.close()
    assert "no synchronous standby" in milano.pec("site", "pair", check=False).stderr
    clusters.milano.wait_for_standby()
    with PostgresCluster(clusters.milano.programs, follows=clusters.milano, name="roma"):
        serve.until(lambda: "is not empty" in milano.pec("site", "pair", check=False).stderr, "the old folder refused")
        shutil.rmtree(provider.data.root)
        provider.data.root.mkdir(mode=0o700)
        milano.pec("site", "pair")
        serve.until(lambda: answer(milano, serve, told, "paired") == 250, "250 of the pair")
        serve.until(lambda: milano.pec("site", "check", "--octets", check=False).returncode == 0, "equal sites")
        assert sick(milano) == 0
        assert milano.stop() == 0
