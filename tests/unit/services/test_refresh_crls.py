"""Refreshing CRLs: hourly, never past nextUpdate, never to something older or somebody else's (IP-9)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.ports.crl_source import UntrustedCrl
from ceralacca.services.refresh_crls import CrlOutcome, CrlRefresh
from ceralacca.store.crl_copies import CrlCopies
from ceralacca.store.durable_files import UnprotectedFile
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import NOON
from ceralacca.trust.crl_file import CrlReader

HOUR = timedelta(hours=1)
URL = "http://crl.prova.example/intermedia.crl"
AUTHORITY = Authority.create()
READS = CrlReader(authorities=(AUTHORITY.root.certificate, AUTHORITY.intermediate.certificate))


def crl(at: datetime, life: timedelta = 24 * HOUR) -> bytes:
    return AUTHORITY.intermediate.crl(at=at, until=at + life)


class Web:
    """What the address gives at present."""

    def __init__(self) -> None:
        self.octets: bytes | None = crl(NOON)
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        if self.octets is None:
            raise WorldError("away")
        return self.octets


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def refresh(web: Web, tmp_path: Path) -> CrlRefresh:
    return CrlRefresh(downloads={URL: web}, copies=CrlCopies(tmp_path / "crls"), reads=READS)


@pytest.mark.requirement("IP-9")
def test_each_hour_and_not_before(refresh: CrlRefresh, web: Web) -> None:
    assert refresh.next_due(NOON) == NOON
    assert refresh.refresh(NOON) == {URL: CrlOutcome.FRESH}
    assert refresh.crls() == (web.octets,)
    assert refresh.next_due(NOON) == NOON + HOUR
    assert refresh.refresh(NOON + HOUR - timedelta(seconds=1)) == {URL: CrlOutcome.NOT_DUE}
    assert web.asked == 1
    web.octets = crl(NOON + HOUR)
    assert refresh.refresh(NOON + HOUR) == {URL: CrlOutcome.FRESH}
    assert refresh.crls() == (web.octets,)
    assert refresh.refresh(NOON + HOUR, at_once=True) == {URL: CrlOutcome.FRESH}


@pytest.mark.requirement("IP-9")
def test_never_past_next_update(refresh: CrlRefresh, web: Web) -> None:
    web.octets = crl(NOON, timedelta(minutes=10))
    refresh.refresh(NOON)
    assert refresh.next_due(NOON) == NOON + timedelta(minutes=10)


@pytest.mark.requirement("IP-5", "IP-9")
def test_away_keeps_the_old_one_and_says_when_it_is_stale(refresh: CrlRefresh, web: Web) -> None:
    kept = web.octets
    refresh.refresh(NOON)
    web.octets = None
    assert refresh.refresh(NOON + 2 * HOUR) == {URL: CrlOutcome.KEPT}
    assert refresh.refresh(NOON + 25 * HOUR) == {URL: CrlOutcome.STALE}
    assert refresh.crls() == (kept,)


@pytest.mark.requirement("IP-5")
def test_none_at_all_is_stale(refresh: CrlRefresh, web: Web) -> None:
    web.octets = None
    assert refresh.refresh(NOON) == {URL: CrlOutcome.STALE}
    assert refresh.crls() == ()


@pytest.mark.requirement("IP-9")
def test_an_expired_one_is_kept_but_told_as_stale(refresh: CrlRefresh, web: Web) -> None:
    web.octets = crl(NOON - 48 * HOUR)
    assert refresh.refresh(NOON) == {URL: CrlOutcome.STALE}
    assert refresh.next_due(NOON) <= NOON


@pytest.mark.requirement("IP-8", "IP-9")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: b"",
        lambda: b"<html>captive portal</html>",
        lambda: crl(NOON)[:-1],
        lambda: crl(NOON)[:-1] + bytes([crl(NOON)[-1] ^ 1]),
        lambda: crl(NOON) + b"\0",
        lambda: Authority.create(name="estranea").intermediate.crl(at=NOON, until=NOON + 24 * HOUR),
        lambda: AUTHORITY.root.crl(at=NOON + HOUR, until=NOON + 24 * HOUR),
        lambda: crl(NOON - HOUR),
    ],
    ids=["empty", "html", "cut", "altered", "longer", "stranger", "other-authority", "older"],
)
def test_what_is_wrong_replaces_nothing(refresh: CrlRefresh, web: Web, wrong: Callable[[], bytes]) -> None:
    good = web.octets
    refresh.refresh(NOON)
    web.octets = wrong()
    assert refresh.refresh(NOON + HOUR) == {URL: CrlOutcome.KEPT}
    assert refresh.crls() == (good,)


def test_a_clock_that_was_set_back_asks_again(refresh: CrlRefresh) -> None:
    refresh.refresh(NOON + 10 * HOUR)
    assert refresh.next_due(NOON) == NOON


def test_what_others_may_have_written_counts_as_not_there(refresh: CrlRefresh, tmp_path: Path) -> None:
    copies = CrlCopies(tmp_path / "crls")
    assert copies.edition() == CrlCopies(tmp_path / "none").edition()
    refresh.refresh(NOON)
    edition = copies.edition()
    (path,) = (tmp_path / "crls").glob("*.crl")
    path.chmod(0o666)
    assert not copies.kept()
    path.chmod(0o600)
    path.rename(path.with_name("f" * 40 + ".crl"))
    assert not copies.kept()
    refresh.refresh(NOON)
    assert copies.edition() != edition
    (tmp_path / "crls").chmod(0o777)
    with pytest.raises(UnprotectedFile):
        copies.kept()


def test_addresses_no_longer_configured_are_not_used(refresh: CrlRefresh, tmp_path: Path) -> None:
    refresh.refresh(NOON)
    assert CrlRefresh(downloads={}, copies=CrlCopies(tmp_path / "crls"), reads=READS).crls() == ()


def test_a_crl_without_an_end_is_not_kept() -> None:
    with pytest.raises(UntrustedCrl):
        READS(b"0")
