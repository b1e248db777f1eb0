"""Whether our own incoming point would believe our seal: what a letter of ours needs to go straight there.

Each letter was verified by its sealer; what may change behind our back is the rest: certificate revoked or run out,
directory without us, domains given to another. So the verifier is asked with one of our letters, once a
second and edition of the directory.

Clauses: IP-6 to IP-9, IP-14, IP-15.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ceralacca.core.directory import Directory
from ceralacca.core.incoming_point import origin_is_proven
from ceralacca.ports.letters import Letter
from ceralacca.ports.seal_verifier import VerifiesSeal


@dataclass(frozen=True, slots=True)
class OwnSigner:
    """The certificate under which our seal is believed, and the directory that says so."""

    directory: Directory
    certificate: bytes

    def owns(self, domain: str) -> bool:
        """Say whether it is in charge of a domain (IP-14, IP-15)."""
        return self.directory.owns(self.certificate, domain)


@dataclass(slots=True)
class OwnSeal:
    """The last answer; one for all threads of a process."""

    _answer: tuple[datetime, Directory | None, OwnSigner | None] | None = None

    def signer(
        self,
        letter: Letter,
        *,
        now: datetime,
        directory: Directory | None,
        verifier: Callable[[datetime, Directory | None], VerifiesSeal],
    ) -> OwnSigner | None:
        """Return who sealed this letter of ours as an incoming point sees it; None when that may not be believed.

        `now` is an instant to the second.
        """
        answer = self._answer
        if answer is None or answer[0] != now or answer[1] is not directory:
            signer = None if directory is None else _signer(letter, directory, verifier(now, directory))
            answer = self._answer = now, directory, signer
        return answer[2]


def _signer(letter: Letter, directory: Directory, verify: VerifiesSeal) -> OwnSigner | None:
    seal = verify(bytes(letter.octets), sender_domain=None)
    if seal.signer is None or not origin_is_proven(seal):
        return None
    certificate = directory.certificate(seal.signer.sha1)
    return None if certificate is None else OwnSigner(directory, certificate)
