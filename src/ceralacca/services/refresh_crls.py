"""Refresh the CRLs: each hour, and never past nextUpdate, from the configured addresses only (IP-9).

A download replaces what is kept when an authority of ours has signed it, it is the same
authority's as before, and it is not older. Else what is kept stays, for as long as it is current;
when it no longer is, seals cannot be judged and messages wait (IP-5): that follows from the CRL's
own dates wherever it is used, and nothing here hides it.

Clauses: IP-5, IP-8, IP-9, CE-10.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from ceralacca.base.errors import PeerError, WorldError
from ceralacca.ports.crl_source import CrlFacts, KeepsCrls, KeptCrl, ReadsCrl, UntrustedCrl

_LOG = structlog.get_logger(__name__)

REFRESH_INTERVAL: Final = timedelta(hours=1)  # IP-9


class CrlOutcome(StrEnum):
    """How the refresh of one CRL ended."""

    FRESH = "fresh"
    """Fetched and kept."""
    NOT_DUE = "not-due"
    KEPT = "kept"
    """Not to be had, or refused; the one kept is still current."""
    STALE = "stale"
    """Not to be had, or refused, and there is none that is current: messages wait (IP-5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlRefresh:
    """The parts of a refresh."""

    downloads: Mapping[str, Callable[[], bytes]]
    """By configured address; each raises WorldError. The real ones are `net.crl_download`."""
    copies: KeepsCrls
    reads: ReadsCrl

    def refresh(self, instant: datetime, *, at_once: bool = False) -> dict[str, CrlOutcome]:
        """Fetch what is due, or everything; return how it went by address. Raises WorldError when the disk refuses."""
        kept = self.copies.kept()
        return {url: self._one(url, kept.get(url), instant, at_once=at_once) for url in self.downloads}

    def crls(self) -> tuple[bytes, ...]:
        """Return the DER of all that is kept for the configured addresses: what a TrustStore is made of."""
        return tuple(kept.der for url, kept in self.copies.kept().items() if url in self.downloads)

    def next_due(self, instant: datetime) -> datetime:
        """Return when the first of them is due."""
        kept = self.copies.kept()
        return min((self._due(kept.get(url), instant) for url in self.downloads), default=instant + REFRESH_INTERVAL)

    def _one(self, url: str, kept: KeptCrl | None, instant: datetime, *, at_once: bool) -> CrlOutcome:
        if not at_once and self._due(kept, instant) > instant:
            return CrlOutcome.NOT_DUE
        try:
            der = self.downloads[url]()
            self._check(self.reads(der), kept)
        except (WorldError, PeerError) as error:
            outcome = CrlOutcome.KEPT if self._current(kept, instant) else CrlOutcome.STALE
            _LOG.warning("crl.not-refreshed", fault=str(error), outcome=outcome.value)
            return outcome
        self.copies.keep(url, der, fetched=instant)
        outcome = CrlOutcome.FRESH if self._current(KeptCrl(der=der, fetched=instant), instant) else CrlOutcome.STALE
        _LOG.info("crl.refreshed", outcome=outcome.value)
        return outcome

    def _check(self, fresh: CrlFacts, kept: KeptCrl | None) -> None:
        """Refuse what is another authority's, or older than what we have: an old list played back."""
        before = self._facts(kept)
        if before is None:
            return
        if fresh.issuer != before.issuer:
            raise UntrustedCrl("the CRL is of another authority than before", remedy="check the address")
        if fresh.this_update < before.this_update:
            raise UntrustedCrl("the CRL is older than the one kept", remedy="ask who publishes it")

    def _due(self, kept: KeptCrl | None, instant: datetime) -> datetime:
        facts = self._facts(kept)
        if kept is None or facts is None or kept.fetched > instant:  # a clock that was set back
            return instant
        return min(kept.fetched + REFRESH_INTERVAL, facts.next_update)

    def _current(self, kept: KeptCrl | None, instant: datetime) -> bool:
        facts = self._facts(kept)
        return facts is not None and facts.this_update <= instant <= facts.next_update

    def _facts(self, kept: KeptCrl | None) -> CrlFacts | None:
        try:
            return None if kept is None else self.reads(kept.der)
        except UntrustedCrl:
            return None
