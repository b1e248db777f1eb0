"""How much and how long a client may: limits of both listeners, with the values that a provider starts with.

Clauses: AP-4, AP-12, AP-13, SL-1; RFC 5321 4.5.3.
"""

from dataclasses import dataclass

from ceralacca.base.errors import UserError

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one listener. Times are in seconds, sizes in octets. Raises UserError when below what the norm asks."""

    size: int = 48 * MIB
    """The hard limit that SIZE announces; a message above it gets `552 5.3.4` and no notice (AP-4)."""
    recipients: int = 100
    """Recipients of one message; at least 50 (AP-13)."""
    connections: int = 1000
    """Open at once."""
    connections_per_peer: int = 50
    """Open at once from one IP address."""
    command_time: float = 300.0
    """For the next command to arrive whole."""
    stranger_time: float = 60.0
    """The same for a client that has neither signed in nor sent a MAIL yet: it has shown nothing worth waiting for."""
    handshake_time: float = 15.0
    chunk_time: float = 900.0
    """For the next octets inside DATA: holders may keep the final dot back for minutes."""
    data_time: float = 7200.0
    """For DATA as a whole."""
    data_rate: int = 1024
    """Octets a second that DATA must average, once `chunk_time` has passed."""
    linger_time: float = 5.0
    """For which octets of a client are read and dropped after it was told to go, so that it can read why."""
    errors: int = 20
    """Refused commands until the connection is closed; refused recipients count apart, up to `recipients`."""
    sign_in_failures: int = 3
    """Failed attempts to sign in until the connection is closed."""
    sign_in_delay: float = 1.0
    """For which the answer to a failed attempt is held back at least."""

    def __post_init__(self) -> None:
        if self.recipients < 50:  # AP-13, SL-1
            raise UserError("fewer than 50 recipients", remedy="set recipients to 50 or more (DM 2-11-2005, art. 12)")
        if self.size < 30 * MIB:  # AP-12, SL-1
            raise UserError("a size below 30 MiB", remedy="set size to 31457280 or more (DM 2-11-2005, art. 12)")
