"""The tree of errors: whose fault it is, and what to do now.

A refusal that the norm foresees (a formal check that fails, a seal that does not hold) is a
value, not an exception. An exception means that the work itself could not be done. SMTP and
exit codes are chosen at the edge, never here.
"""


class PecError(Exception):
    """Root of every error that this package raises on purpose.

    `str(error)` says what is wrong and where; `remedy` says what the reader can do about it
    (empty when there is nothing to do). Neither holds message content.
    """

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class PeerError(PecError):
    """What somebody else sent us cannot be read: another provider, a client, a file."""


class UserError(PecError):
    """Whoever runs the command or wrote the configuration can mend this."""


class OurError(PecError):
    """A defect of this program: report it."""


class WorldError(PecError):
    """Disk, network, clock or token: trying again later may succeed."""


class UnreadableMessage(PeerError):
    """The octets cannot be looked at as a message, or pass a limit of SE-7.

    `offset` is the octet of the input where the trouble begins.
    """

    def __init__(self, what: str, *, offset: int = 0, remedy: str = "") -> None:
        super().__init__(f"{what} (at octet {offset})", remedy=remedy)
        self.offset = offset
