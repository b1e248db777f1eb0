"""The CRLs last fetched, on disk: one file for each configured address (IP-9).

A file holds one line of JSON (address, instant of fetching) and then the octets of the CRL, so
that both change with one rename. A file that somebody else could have written, or that is not as
we write them, counts as not there: a CRL is fetched again, never guessed.

Clauses: IP-9, SE-5.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from ceralacca.base.errors import WorldError
from ceralacca.ports.crl_source import KeptCrl
from ceralacca.store.durable_files import UnprotectedFile, check_folder, make_folder, put_file, read_protected

_MOST_OCTETS: Final = 65 * 2**20


class CrlCopies:
    """One folder of CRLs, 0700. One process writes; any may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def kept(self) -> Mapping[str, KeptCrl]:
        """Return what is kept, by address. Raises UnprotectedFile when others may write to the folder."""
        found: dict[str, KeptCrl] = {}
        if not self._folder.exists():
            return found
        check_folder(self._folder)
        for path in sorted(self._folder.glob("*.crl")):
            try:
                head, _, der = read_protected(path, limit=_MOST_OCTETS).partition(b"\n")
                facts = json.loads(head)
                url, fetched = str(facts["url"]), datetime.fromisoformat(facts["fetched"])
            except (OSError, UnprotectedFile, ValueError, KeyError, TypeError):
                continue
            if path.name == _name(url) and fetched.tzinfo is not None:
                found[url] = KeptCrl(der=der, fetched=fetched)
        return found

    def keep(self, url: str, der: bytes, *, fetched: datetime) -> None:
        """Replace what is kept of one address. Raises WorldError."""
        head = json.dumps({"url": url, "fetched": fetched.isoformat()}).encode()
        try:
            make_folder(self._folder)
            check_folder(self._folder)
            put_file(self._folder / _name(url), head + b"\n" + der)
        except OSError as error:
            raise WorldError(f"a CRL could not be kept: {error.strerror}", remedy="look at the disk") from error

    def edition(self) -> str:
        """Return a text that changes whenever what is kept changes: whoever holds a TrustStore makes it anew then."""
        try:
            files = sorted(self._folder.glob("*.crl"))
            marks = [(path.name, status.st_mtime_ns, status.st_ino) for path in files if (status := path.stat())]
        except OSError:
            return ""
        return hashlib.sha256(repr(marks).encode()).hexdigest()


def _name(url: str) -> str:
    return f"{hashlib.sha256(url.encode()).hexdigest()[:40]}.crl"
