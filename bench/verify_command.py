"""`pec verify` on an archive: messages a second, against the raw work that is in them (B11).

    python bench/verify_command.py            10,000 messages of 10 KB
    python bench/verify_command.py --quick     2,000

The subject is the whole command on a folder, in a process of its own, from start to exit status: read, judge the seal,
the form and the contradictions, write the answer as one line a message, tell the transactions. The bound is RSA
verification and SHA-256 of the same octets in one loop. Floor: 5 %; goal: 20 %.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from ceralacca.base.instants import to_the_second
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.formats.cms import read_signed_data
from ceralacca.formats.smime import split_signed
from ceralacca.lint.sealable import examine
from ceralacca.testing.sample import SampleWorld
from ceralacca.testing.scenario import ALFA, BETA, SUBMITTED
from ceralacca.trust.sealer import Sealer
from measure import Table, compare, rate

PEC = Path(sys.executable).with_name("pec")
TEXT = b"Questa riga riempie il messaggio di prova fino alla misura voluta.\r\n"
OCTETS = 10_000


def write_archive(folder: Path, count: int) -> bytes:
    """Write so many messages, each transaction its envelope and its delivery receipt; return one of them."""
    world = SampleWorld.at(to_the_second(datetime.now(UTC)) - timedelta(hours=25))
    for file in world.files():
        if file.name.startswith(("pki/", "igpec")):
            path = folder / file.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.content)
    archive = folder / "archive"
    archive.mkdir()
    start = SUBMITTED.index(b"Buongiorno")
    filling = TEXT * ((OCTETS - 8_700) // len(TEXT))
    scenario = replace(world.scenario, submitted=SUBMITTED[:start] + filling + SUBMITTED[start:])
    sealers = {one: Sealer(world.identities[one], one.address, scenario.entropy) for one in (ALFA, BETA)}
    octets = b""
    for number in range(count // 2):
        transaction = scenario.transaction(ReceiptKind.COMPLETE)
        for name, issuer, draft in (("b", ALFA, transaction.envelope()), ("c", BETA, transaction.delivery())):
            octets = bytes(sealers[issuer].seal(examine(draft)).octets)
            (archive / f"{number:05}{name}.eml").write_bytes(octets)
    return octets


def main() -> int:
    """Measure; 1 when the floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 messages")
    count = 2_000 if parser.parse_args().quick else 10_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        print(f"sealing {count} messages...", file=sys.stderr)
        octets = write_archive(folder, count)
        judged_by = ["--trust", folder / "pki", "--directory", folder / "igpec.ldif"]
        command = [PEC, "verify", "--short", *judged_by, folder / "archive"]

        def run() -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        def messages_a_second() -> float:
            start = time.perf_counter()
            run()
            return count / (time.perf_counter() - start)

        signed = split_signed(octets)
        data = read_signed_data(signed.cms)
        info = data.signers[0]
        key = SampleWorld.at(datetime(2026, 11, 5, tzinfo=UTC)).identities[BETA].key.public_key()
        attributes, signature = info.attributes.octets, info.signature
        scheme, digest = padding.PKCS1v15(), hashes.SHA256()

        def raw() -> None:
            sha256(signed.entity).digest()
            key.verify(signature, attributes, scheme, digest)

        table = Table("verify_command")
        row = compare(
            f"{count:,} messages of {len(octets) / 1000:.1f} KB, RSA 2048",
            subject=run,
            subject_rate=messages_a_second,
            bound_rate=lambda: rate(raw),
            goal=0.20,
            samples=5,
        )
        table.add(row)
        table.finish()
    return 0 if row.ratio.median >= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
