"""CRLs and time stamps from the authority that serves: revocation arrives, staleness is seen, stamps are believed."""

import threading
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from ceralacca.apps.authority.service import AuthorityConfig, serve_authority
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.outcome import Mark
from ceralacca.core.model.reason import Reason
from ceralacca.net.crl_download import CrlDownload
from ceralacca.services.refresh_crls import CrlOutcome, CrlRefresh
from ceralacca.store.crl_copies import CrlCopies
from ceralacca.trust.certificate import read_certificate
from ceralacca.trust.chain import ChainFinding, TrustStore
from ceralacca.trust.crl_file import CrlReader
from ceralacca.trust.time_stamp import REPLY_TYPE, REQUEST_TYPE, make_request, read_reply

BETA = "Gestore Beta S.r.l."
HOUR = timedelta(hours=1)


@pytest.fixture
def refresh(nation) -> CrlRefresh:
    return CrlRefresh(
        downloads={url: CrlDownload(url=url) for url in nation.running.crl_urls},
        copies=CrlCopies(nation.folder / "crls"),
        reads=CrlReader(authorities=(*nation.sandbox.anchors, *nation.sandbox.intermediates)),
    )


def judged(nation, refresh: CrlRefresh) -> ChainFinding:
    store = TrustStore(anchors=nation.sandbox.anchors, intermediates=nation.sandbox.intermediates, crls=refresh.crls())
    return store.judge(read_certificate(nation.providers[BETA].certificate), (), nation.clock.now())


@pytest.mark.requirement("IP-8", "IP-9", "CE-10")
def test_a_revocation_reaches_providers_within_the_hour(nation, refresh: CrlRefresh) -> None:
    assert set(refresh.refresh(nation.clock.now()).values()) == {CrlOutcome.FRESH}
    assert judged(nation, refresh).revocation.mark is Mark.PASSED
    nation.clock.advance(HOUR)
    nation.sandbox.revoke(nation.providers[BETA].certificate)
    nation.clock.advance(timedelta(seconds=1))
    refresh.refresh(nation.clock.now())
    assert judged(nation, refresh).revocation.reason is Reason.REVOKED


@pytest.mark.requirement("IP-5", "IP-9")
def test_expired_crls_make_seals_unjudgeable_not_good(nation, refresh: CrlRefresh) -> None:
    refresh.refresh(nation.clock.now())
    nation.running.close()
    nation.clock.advance(HOUR)
    assert set(refresh.refresh(nation.clock.now()).values()) == {CrlOutcome.KEPT}
    assert judged(nation, refresh).revocation.mark is Mark.PASSED
    nation.clock.advance(24 * HOUR)
    assert set(refresh.refresh(nation.clock.now()).values()) == {CrlOutcome.STALE}
    assert judged(nation, refresh).revocation.mark is Mark.UNKNOWN


@pytest.mark.requirement("IP-9")
def test_what_the_authority_serves_is_never_stale(nation) -> None:
    before = httpx.get(nation.running.crl_urls[1], trust_env=False).content
    nation.clock.advance(timedelta(days=3))
    after = httpx.get(nation.running.crl_urls[1], trust_env=False).content
    facts = CrlReader(authorities=nation.sandbox.intermediates)(after)
    assert after != before
    assert facts.this_update <= nation.clock.now() <= facts.next_update


@pytest.mark.requirement("LO-4")
def test_a_time_stamp_over_http_is_believed(nation, refresh: CrlRefresh) -> None:
    refresh.refresh(nation.clock.now())
    request = make_request(sha256(b"log").digest(), system_entropy)
    answer = httpx.post(
        nation.running.stamp_url, content=request.octets, headers={"Content-Type": REQUEST_TYPE}, trust_env=False
    )
    assert answer.headers["Content-Type"] == REPLY_TYPE
    trust = TrustStore(anchors=nation.sandbox.anchors, crls=refresh.crls())
    stamp = read_reply(answer.content, request, trust=trust, present=nation.clock.now())
    assert stamp.instant == nation.clock.now()


def test_other_paths_methods_and_bodies_are_refused(nation) -> None:
    base = nation.running.http_url
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{base}/../keys/pec-root.pem").status_code == 404
        assert client.get(f"{base}/keys/pec-root.pem").status_code == 404
        assert client.get(f"{base}/tsa").status_code == 404
        assert client.post(f"{base}/pec-root.crl", content=b"x").status_code == 404
        assert client.post(f"{base}/tsa", content=bytes(1 << 17)).status_code == 413
        assert client.post(f"{base}/tsa", content=iter([b"x"])).status_code == 411
        assert client.request("DELETE", f"{base}/tsa").status_code == 501
        assert client.get(f"{base}/pec-root.cer").content == nation.sandbox.anchors[0]


def test_it_serves_until_it_is_told_to_stop_and_finds_its_folder_again(tmp_path: Path) -> None:
    for _ in range(2):
        stop = threading.Event()
        stop.set()
        serve_authority(AuthorityConfig(folder=tmp_path / "sandbox"), stop)
    assert (tmp_path / "sandbox" / "directory.p7m").exists()
