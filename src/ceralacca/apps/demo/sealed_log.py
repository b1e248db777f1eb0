"""The log of the demo, sealed and proved: each provider's day is closed, and its files are verified by three programs.

`pec log verify` says that they are whole, `openssl cms -verify` opens them, `openssl ts -verify` believes their time
stamps; and one flipped bit is named.

Clauses: LO-4 to LO-6.
"""

import subprocess
import tempfile
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT
from ceralacca.apps.cli.log_verify import given_file
from ceralacca.apps.demo.cast import RUNNING, Provider
from ceralacca.apps.demo.nation import Nation
from ceralacca.apps.demo.stage import Stage, expect
from ceralacca.apps.log_sealer import LogSealer, sealed_folder
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError
from ceralacca.services.verify_log import verify_log
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.log_reading import LogOpener


def sealed_log(stage: Stage) -> None:
    """Close the day of each provider, and prove its files."""
    for provider in RUNNING:
        prove_day(stage.running.nation, provider, SystemClock().now())


def prove_day(nation: Nation, provider: Provider, now: datetime) -> None:
    """Seal a provider's day now and verify all its files. Raises Unexpected."""
    settings = nation.settings(provider)
    with closing(LogSealer(settings)) as sealer:
        done = sealer.seal(now, close=True)
    waits = [wait for one in done.values() for wait in one.waits]
    expect(not waits, f"{provider.key}: the log waits: {', '.join(waits)}")
    paths = sorted(sealed_folder(settings).glob("*.p7m"))
    expect(bool(paths), f"{provider.key}: no file of the log was written")
    opener, present = opener_of(nation), SystemClock().now()
    report = verify_log([given_file(path) for path in paths], opener, present=present)
    expect(report.valid, f"{provider.key}: {[f'{one.file}: {one.fault}' for one in report.findings]}")
    for path in paths:
        openssl_believes(nation, path)
    last = given_file(paths[-1])
    with last.octets() as octets:
        place = octets.find(b'"sealed":"') + 12
        changed = octets[:place] + bytes((octets[place] ^ 1,)) + octets[place + 1 :]
    flipped = replace(last, octets=lambda: nullcontext(changed))
    named = {one.field for one in verify_log([flipped], opener, present=present).findings}
    expect("sealed" in named, f"{provider.key}: a flipped bit in the head was not named, but {sorted(named)}")


def opener_of(nation: Nation) -> LogOpener:
    """Return what the nation's seals and stamps are judged by."""
    sandbox = nation.sandbox
    trust = TrustStore(anchors=sandbox.anchors, crls=(sandbox.crl(ROOT), sandbox.crl(INTERMEDIATE)))
    return LogOpener(trust=trust, anchors=(*sandbox.anchors, *sandbox.intermediates), present=SystemClock().now())


def openssl_believes(nation: Nation, path: Path) -> None:
    """Have OpenSSL verify a file and its stamp. Raises Unexpected."""
    root, middle = (nation.sandbox.public / f"{name}.pem" for name in (ROOT, INTERMEDIATE))
    stamp = path.with_name(f"{path.stem}.tsr")
    with tempfile.NamedTemporaryFile() as content:
        _openssl(
            "cms", "-verify", "-inform", "DER", "-in", path, "-CAfile", root, "-purpose", "any", "-out", content.name
        )
    _openssl("ts", "-verify", "-in", stamp, "-data", path, "-CAfile", root, "-untrusted", middle)


def _openssl(*words: object) -> None:
    try:
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise UserError("openssl cannot be run", remedy="install the package openssl") from error
    expect(done.returncode == 0, f"openssl {words[0]}: {done.stderr.decode(errors='replace')[:300]}")
