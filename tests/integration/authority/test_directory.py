"""Providers and the sandbox's directory manager over real TLS: who gets the directory, and what replaces the copy."""

import socket
import ssl
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.directory import Directory
from ceralacca.core.directory_refresh import AlarmCode, ReplacementRules
from ceralacca.net.directory_download import DirectoryDownload
from ceralacca.net.fetch import FetchLimits, fetch
from ceralacca.net.publication import Gives, Publication, Published, server_context
from ceralacca.services.refresh_directory import DirectoryRefresh, Refreshed, RefreshOutcome
from ceralacca.store.directory_copy import DirectoryCopy
from ceralacca.testing.directory import provider_record
from ceralacca.trust.directory_file import MEDIA_TYPE, DirectoryFileOpener, seal_directory_file
from ceralacca.trust.instant import JudgedAt

ALFA, BETA = "Gestore Alfa S.p.A.", "Gestore Beta S.r.l."


class Provider:
    """Alfa with its local copy."""

    def __init__(self, nation, url: str = "") -> None:
        self.nation = nation
        self.copy = DirectoryCopy(nation.folder / "copy")
        self.pinned = (nation.sandbox.manager_certificate,)
        self.service = DirectoryRefresh(
            download=nation.download(url),
            copy=self.copy,
            opens=lambda instant: DirectoryFileOpener(pinned=self.pinned, at=JudgedAt.now(instant)),
            rules=ReplacementRules(own_name=ALFA),
        )

    def refresh(self) -> Refreshed:
        return self.service.refresh(self.nation.clock.now())

    def in_use(self) -> Directory:
        return self.copy.load().directory


@pytest.fixture
def alfa(nation) -> Provider:
    provider = Provider(nation)
    assert provider.refresh().outcome is RefreshOutcome.IN_USE
    return provider


def kept(alfa: Provider, reason: str) -> None:
    """The refresh is refused for that reason, with an alarm, and the old copy stays."""
    before = alfa.in_use()
    done = alfa.refresh()
    assert done.outcome is RefreshOutcome.REFUSED
    assert done.alarms
    assert reason in {done.log.detail.partition(": ")[2], *done.alarms[-1].evidence.values()}
    assert alfa.in_use() == before


@pytest.mark.requirement("DI-1", "DI-2", "DI-3", "DI-4", "DI-5")
def test_what_providers_publish_comes_back_as_one_signed_whole(nation, alfa: Provider) -> None:
    directory = alfa.in_use()
    assert {record.name for record in directory.records} == {ALFA, BETA}
    assert directory.is_pec("pec.beta.example")
    assert directory.base
    assert directory.base.location == nation.running.directory_url
    owners = directory.owners(nation.providers[BETA].certificate)
    assert [record.name for record in owners] == [BETA]


@pytest.mark.requirement("DI-4")
def test_without_a_client_certificate_there_is_no_directory(nation) -> None:
    context = ssl.create_default_context(cafile=str(nation.sandbox.tls_roots))
    with pytest.raises(WorldError):
        fetch(nation.running.directory_url, FetchLimits(octets=1 << 20), tls=context)


@pytest.mark.requirement("DI-4")
def test_a_strangers_client_certificate_opens_nothing(nation, tmp_path: Path) -> None:
    stranger = Sandbox.create(tmp_path / "stranger", clock=nation.clock)
    stranger.tls_certificate(["mx.alfa.example"], into=tmp_path / "pair")
    download = DirectoryDownload(
        url=nation.running.directory_url,
        roots=nation.sandbox.tls_roots,
        certificate=tmp_path / "pair" / "certificate.pem",
        key=tmp_path / "pair" / "key.pem",
    )
    with pytest.raises(WorldError):
        download()


@pytest.mark.requirement("DI-4")
def test_a_server_that_our_roots_do_not_vouch_for_is_not_asked(nation, tmp_path: Path) -> None:
    stranger = Sandbox.create(tmp_path / "stranger", clock=nation.clock)
    stranger.tls_certificate(["localhost", "127.0.0.1"], into=tmp_path / "pair")
    nation.sandbox.tls_certificate(["elsewhere.example"], into=tmp_path / "elsewhere")
    asked: list[str] = []

    def answer() -> Published:
        asked.append("x")
        return Published(media_type="x", octets=b"x")

    for pair in ("pair", "elsewhere"):  # not vouched for; vouched for under another name
        held = tmp_path / pair
        server = serving({"/x": answer}, server_context(held / "certificate.pem", held / "key.pem"))
        try:
            with pytest.raises(WorldError):
                nation.download(f"{server.url}/x")()
        finally:
            server.close()
    assert asked == []


def serving(gives: dict[str, Gives], tls: ssl.SSLContext | None = None) -> Publication:
    server = Publication(gives=gives, tls=tls)
    server.start()
    return server


@pytest.mark.requirement("DI-5")
def test_a_tampered_file_is_refused(nation, alfa: Provider) -> None:
    p7m = nation.sandbox.directory_p7m()
    position = p7m.index(b"beta.example")
    nation.sandbox.publish(p7m[:position] + b"evil.example" + p7m[position + 12 :])
    kept(alfa, "signature")
    nation.sandbox.publish(p7m[: len(p7m) // 2])
    kept(alfa, "signature")
    nation.sandbox.publish(b"<html>")
    kept(alfa, "signature")


@pytest.mark.requirement("DI-5")
def test_another_managers_directory_is_refused(nation, alfa: Provider, tmp_path: Path) -> None:
    other = Sandbox.create(tmp_path / "other", clock=nation.clock)
    nation.sandbox.publish(seal_directory_file(alfa.in_use(), other.manager(), nation.clock.now()))
    kept(alfa, "not-pinned")
    nation.sandbox.publish(seal_directory_file(alfa.in_use(), nation.providers[BETA], nation.clock.now()))
    kept(alfa, "not-pinned")


@pytest.mark.requirement("DI-5")
def test_a_shrunk_or_older_directory_is_refused(nation, alfa: Provider) -> None:
    whole = alfa.in_use()
    nation.clock.advance(timedelta(minutes=1))
    shrunk = Directory(records=whole.of_provider(ALFA).records, base=whole.base)
    nation.sandbox.publish(seal_directory_file(shrunk, nation.sandbox.manager(), nation.clock.now()))
    kept(alfa, "too-few-records")
    without = Directory(records=whole.of_provider(BETA).records, base=whole.base)
    nation.sandbox.publish(seal_directory_file(without, nation.sandbox.manager(), nation.clock.now()))
    kept(alfa, "no-own-record")
    early = nation.clock.now() - timedelta(hours=2)
    nation.sandbox.publish(seal_directory_file(whole, nation.sandbox.manager(), early))
    kept(alfa, "older")


@pytest.mark.requirement("DI-3", "DI-5")
def test_when_the_authority_is_away_the_old_copy_serves(nation, alfa: Provider) -> None:
    before = alfa.in_use()
    nation.running.close()
    done = alfa.refresh()
    assert done.outcome is RefreshOutcome.UNREACHABLE
    assert [alarm.code for alarm in done.alarms] == [AlarmCode.UNREACHABLE]
    assert alfa.in_use() == before


@pytest.mark.requirement("DI-5", "DI-6")
def test_a_change_arrives_and_the_previous_copies_are_kept(nation, alfa: Provider) -> None:
    nation.clock.advance(timedelta(minutes=1))
    nation.publish(BETA, domains=("beta.example", "nuovo.beta.example"))
    collected = nation.running.collect()
    assert collected.faults == {}
    assert alfa.refresh().outcome is RefreshOutcome.IN_USE
    assert alfa.in_use().is_pec("nuovo.beta.example")
    assert len(alfa.copy.history()) == 2


@pytest.mark.requirement("DI-1", "DI-2")
def test_one_providers_trouble_makes_no_provider_vanish(nation, alfa: Provider) -> None:
    def wrong(name: str, **changed) -> str:
        nation.publish(name, **changed)
        collected = nation.running.collect()
        assert {record.name for record in collected.directory.records} == {ALFA, BETA}
        assert not collected.directory.is_pec("alieno.example")
        return collected.faults[name]

    assert wrong(BETA, signer=nation.providers[ALFA], domains=("alieno.example",))
    assert "another provider has" in wrong(BETA, domains=("beta.example", "alfa.example"))
    nation.file(BETA).write_bytes(b"junk")
    assert BETA in nation.running.collect().faults
    nation.file(BETA).unlink()
    collected = nation.running.collect()
    assert BETA in collected.faults
    assert collected.directory.is_pec("pec.beta.example")
    foreign = provider_record(ALFA, ["alieno.example"], certificates=[nation.providers[BETA].certificate])
    p7m = seal_directory_file(Directory(records=(foreign,)), nation.providers[BETA], nation.clock.now())
    nation.file(BETA).write_bytes(p7m)
    collected = nation.running.collect()
    assert "another provider" in collected.faults[BETA]
    assert not collected.directory.is_pec("alieno.example")


@pytest.mark.requirement("DI-1", "IP-8")
def test_a_revoked_provider_leaves_the_directory(nation) -> None:
    nation.sandbox.revoke(nation.providers[BETA].certificate)
    collected = nation.running.collect()
    assert BETA in collected.faults
    assert {record.name for record in collected.directory.records} == {ALFA}


@pytest.mark.requirement("DI-1", "DI-4")
def test_files_are_collected_over_https_with_the_managers_certificate(nation, tmp_path: Path) -> None:
    nation.sandbox.tls_certificate(["127.0.0.1"], into=tmp_path / "beta-tls")
    context = server_context(
        tmp_path / "beta-tls" / "certificate.pem", tmp_path / "beta-tls" / "key.pem", clients=nation.sandbox.tls_roots
    )
    nation.publish(BETA, domains=("beta.example", "https.beta.example"))
    octets = nation.file(BETA).read_bytes()
    nation.file(BETA).unlink()
    server = serving({"/g.p7m": lambda: Published(media_type=MEDIA_TYPE, octets=octets)}, context)
    try:
        nation.sandbox.list_provider(BETA, f"{server.url}/g.p7m")
        collected = nation.running.collect()
    finally:
        server.close()
    assert collected.faults == {}
    assert collected.directory.is_pec("https.beta.example")


@pytest.mark.requirement("DI-4")
@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "file:///etc/passwd", "https://", "ftp://a.example/x", "x", ""])
def test_only_https_addresses_are_taken_from_the_settings(nation, url: str) -> None:
    good = nation.download()
    with pytest.raises(UserError):
        DirectoryDownload(url=url, roots=good.roots, certificate=good.certificate, key=good.key)


def test_files_that_are_no_certificates_are_the_operators_to_mend(nation, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_bytes(b"junk")
    for name in ("junk.pem", "none.pem"):
        with pytest.raises(UserError):
            DirectoryDownload(
                url="https://x.example/",
                roots=nation.sandbox.tls_roots,
                certificate=tmp_path / name,
                key=tmp_path / name,
            )


@pytest.mark.parametrize("behaviour", ["large", "missing", "away"])
def test_missing_and_too_large_files_are_refused(nation, behaviour: str) -> None:
    server = serving({"/large": lambda: Published(media_type="x", octets=bytes(2000))})
    url = f"{server.url}/{behaviour}"
    if behaviour == "away":
        server.close()
    try:
        with pytest.raises(WorldError):
            fetch(url, FetchLimits(octets=1999), tls=None)
    finally:
        server.close()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.0 206 Partial Content\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ],
    ids=["redirection", "compressed", "cut", "partial", "nonsense", "nothing"],
)
def test_an_answer_that_is_not_the_file_is_none(head: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_once, args=(listener, head + b"octets" * bool(head)))
        server.start()
        with pytest.raises(WorldError):
            fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", FetchLimits(octets=1 << 20), tls=None)
        server.join()


def answer_once(listener: socket.socket, octets: bytes) -> None:
    peer, _ = listener.accept()
    with peer:
        peer.recv(65536)
        peer.sendall(octets)


@pytest.mark.system
@pytest.mark.requirement("DI-2")
def test_openssl_opens_what_is_published(nation, tmp_path: Path) -> None:
    keys = nation.download()
    context = ssl.create_default_context(cafile=str(keys.roots))
    context.load_cert_chain(keys.certificate, keys.key)
    answer = httpx.get(nation.running.directory_url, verify=context, trust_env=False)
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    (tmp_path / "igpec.p7m").write_bytes(answer.content)
    (tmp_path / "anchors.pem").write_bytes((nation.sandbox.public / "pec-root.pem").read_bytes())
    files = ("-CAfile", "anchors.pem", "-in", "igpec.p7m", "-out", "igpec.ldif")
    subprocess.run(
        ["openssl", "cms", "-verify", "-inform", "DER", "-binary", *files],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert b"dn: o=postacert" in (tmp_path / "igpec.ldif").read_bytes()
