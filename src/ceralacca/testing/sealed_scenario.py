"""The messages of `testing.scenario`, sealed by the providers of a test authority.

Golden files, `pec sample` and the benches of verification take them from here. With the defaults
every octet is the same on every call: keys, serial numbers and signatures are deterministic.
"""

from collections.abc import Mapping

from ceralacca.lint.sealable import examine
from ceralacca.ports.signer import Signer
from ceralacca.testing.authority import Authority
from ceralacca.testing.scenario import Scenario, all_drafts
from ceralacca.trust.sealer import SealedMessage, Sealer


def providers_of(scenario: Scenario, authority: Authority) -> dict[str, Signer]:
    """Certify both providers of the scenario; the key of the mapping is the provider address in lower case."""
    return {
        provider.address.key: authority.provider(provider.name, provider.address)
        for provider in (scenario.sender_provider, scenario.recipient_provider)
    }


def all_sealed(
    scenario: Scenario | None = None, signers: Mapping[str, Signer] | None = None
) -> dict[str, SealedMessage]:
    """Compose, examine and seal every message of the scenario, under the names of `all_drafts`.

    Raises LintRefusal when a composer made what must not be sealed.
    """
    one = scenario or Scenario()
    keys = signers or providers_of(one, Authority.create(one.instant))
    drafts = all_drafts(one)
    sealers = {
        provider.address.key: Sealer(keys[provider.address.key], provider.address, one.entropy)
        for provider in (one.sender_provider, one.recipient_provider)
    }
    return {name: sealers[one.issuer(draft).address.key].seal(examine(draft)) for name, draft in drafts.items()}
