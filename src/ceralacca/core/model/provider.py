"""A provider as it presents itself in the messages it generates (MO-3, 0.3)."""

from dataclasses import dataclass, field

from ceralacca.core.model.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingProvider:
    """Who generates a message: the names that go into header, text and certification data."""

    name: str
    """`{gestore}`: the descriptive name, `gestore-emittente`."""
    address: Address
    """The provider address; equals the rfc822Name of the signing certificate (MO-3, GE-3)."""

    domain: str = field(init=False, repr=False)
    """`{dominio}`: the right side of every identifier that this provider makes (GE-29)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", self.address.domain)
