"""What every test office is made of, over memory or over real stores: seal, judge, domains and mailboxes.

Serves: `testing.memory_world` and `testing.crash_rig`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from ceralacca.base.identifiers import Entropy
from ceralacca.core.directory import Directory
from ceralacca.core.model.address import Address
from ceralacca.lint.sealable import examine
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.ports.sealer import Seals
from ceralacca.ports.store import Store
from ceralacca.testing.authority import TestIdentity
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.sealer import Sealer
from ceralacca.trust.verifier import JudgedAt, verify_seal


def sealing(identity: TestIdentity, entropy: Entropy) -> Seals:
    """Return the real seal of a test identity."""
    sealer = Sealer(identity, identity.address, entropy)
    return lambda draft: sealer.seal(examine(draft))


def judging(trust: TrustStore) -> Callable[[datetime, Directory | None], VerifiesSeal]:
    """Return the real judgement of seals, under these anchors and revocation lists."""

    def at(instant: datetime, directory: Directory | None) -> VerifiesSeal:
        judged = JudgedAt.now(instant)
        return lambda message, *, sender_domain: verify_seal(
            message, trust=trust, directory=directory, at=judged, sender_domain=sender_domain
        )

    return at


def open_mailboxes(
    store: Store, directory: Directory, provider: str, users: Sequence[Address], *, now: datetime
) -> None:
    """Serve the domains of a provider and open its mailboxes; the first of the users is the service mailbox."""
    for record in directory.records_of_provider(provider):
        for domain in record.domains:
            store.add_domain(domain, now=now)
    for user in users:
        store.put_mailbox(MailboxRecord(address=user, is_service=user == users[0]), now=now)


def takes_every_call(mailbox: Address, *, key: str, body: bytes) -> None:
    """Be a holder's server."""
    del mailbox, key, body
