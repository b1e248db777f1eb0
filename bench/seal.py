"""How near the sealing path comes to the raw RSA rate of its key.

Subject: `Sealer.seal` as the provider calls it: checks, digest, signature, verification of the own
signature, frame. Bound: RSA signatures with SHA-256 of the same key, nothing else. The draft has
passed lint beforehand; what lint costs is a row of its own, without a goal.

Goals: 85 % for 5 KB bodies and 70 % for 100 KB, RSA 2048.

    python bench/seal.py [--quick]
"""

import sys
from dataclasses import replace

from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.formats.splice import Splice
from ceralacca.lint.sealable import Sealable, examine
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.good_drafts import ALFA, good_draft
from ceralacca.testing.keys import private_key
from ceralacca.trust.sealer import Sealer
from measure import WINDOW, Table, compare

ATTRIBUTES = bytes(107)  # about as long as the signed attributes are
LINE = b"Lorem ipsum dolor sit amet, consectetur adipisci elit, sed eiusmod tempor.\r\n"


def sized(draft: Draft, octets: int) -> Draft:
    """Make the original in a transport envelope longer, so that the entity has about that size."""
    whole = bytes(draft.entity)
    marker = b"Buongiorno.\r\n"
    before, _, after = whole.partition(marker)
    filling = LINE * (max(octets - len(whole), 0) // len(LINE))
    return replace(draft, entity=Splice.of(before, memoryview(marker + filling), after))


def sealer_with(bits: int) -> tuple[Sealer, TestIdentity]:
    identity = Authority.create().provider("Gestore Alfa S.p.A.", ALFA, key=private_key("Gestore Alfa S.p.A.", bits))
    return Sealer(identity, identity.address, system_entropy), identity


def main() -> int:
    window = 0.1 if "--quick" in sys.argv else WINDOW
    table = Table("seal")
    envelope = good_draft(MessageRow.TRANSPORT_ENVELOPE)
    small, large = (examine(sized(envelope, size)) for size in (5_000, 100_000))

    def row(name: str, bits: int, sealable: Sealable, goal: float | None = None, threads: int = 1) -> None:
        sealer, identity = sealer_with(bits)
        table.add(
            compare(
                name,
                subject=lambda: sealer.seal(sealable),
                bound=lambda: identity.sign(ATTRIBUTES),
                goal=goal,
                window=window,
                threads=threads,
            ),
        )

    row("RSA 2048, 5 KB", 2048, small, 0.85)
    row("RSA 2048, 100 KB", 2048, large, 0.70)
    row("RSA 2048, 5 KB, 2 threads", 2048, small, threads=2)
    row("RSA 2048, 100 KB, 2 threads", 2048, large, threads=2)
    row("RSA 3072, 5 KB", 3072, small)
    row("RSA 4096, 5 KB", 4096, small)
    sealer, identity = sealer_with(2048)
    for name, sealable in (("lint and seal, RSA 2048, 5 KB", small), ("lint and seal, RSA 2048, 100 KB", large)):
        draft = sealable.draft
        table.add(
            compare(
                name,
                subject=lambda draft=draft: sealer.seal(examine(draft)),
                bound=lambda: identity.sign(ATTRIBUTES),
                window=window,
            ),
        )
    return 0 if table.finish() else 1


if __name__ == "__main__":
    sys.exit(main())
