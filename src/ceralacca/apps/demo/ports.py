"""Which part of the nation listens where: one base number, everything else follows from it."""

import socket
from dataclasses import dataclass
from typing import Final

from ceralacca.base.errors import UserError

DEFAULT_BASE: Final = 28000
"""Below the ports that the kernel gives to outgoing connections, which would be taken by chance."""
SPAN: Final = 31
HOST: Final = "127.0.0.1"
_FIRST: Final = {"alfa": 10, "beta": 20, "gamma": 25}
_WEB: Final = {"alfa": 2, "beta": 3, "gamma": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPorts:
    """Where one provider listens."""

    submissions: int
    """Implicit TLS."""
    starttls: int
    incoming: int
    imap: int
    pop3: int
    web: int

    def each(self) -> tuple[int, ...]:
        """Return all of them."""
        return (self.submissions, self.starttls, self.incoming, self.imap, self.pop3, self.web)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the nation listens, all on 127.0.0.1."""

    base: int = DEFAULT_BASE

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65535 - SPAN:
            raise UserError(f"--port-base {self.base}: out of range", remedy=f"give 1024 to {65535 - SPAN}")

    @property
    def authority(self) -> tuple[int, int]:
        """CRLs and time stamps (HTTP), directory (HTTPS)."""
        return self.base, self.base + 1

    def provider(self, key: str) -> ProviderPorts:
        """Return the ports of `alfa`, `beta` or, where it runs, `gamma`."""
        first = self.base + _FIRST[key]
        return ProviderPorts(
            submissions=first,
            starttls=first + 1,
            incoming=first + 2,
            imap=first + 3,
            pop3=first + 4,
            web=self.base + _WEB[key],
        )

    @property
    def ordinary(self) -> int:
        """The mail server outside PEC."""
        return self.base + 30

    def each(self) -> tuple[int, ...]:
        """Return every port that may be listened on."""
        providers = (port for key in _FIRST for port in self.provider(key).each())
        return (*self.authority, *providers, self.ordinary)

    def check_free(self) -> None:
        """Raise UserError when somebody listens on one of them already."""
        taken = [port for port in self.each() if _listened_on(port)]
        if taken:
            raise UserError(
                f"port {taken[0]} is taken" + (f", and {len(taken) - 1} more" if len(taken) > 1 else ""),
                remedy="end what listens there (another demo?), or give another --port-base",
            )


def _listened_on(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
