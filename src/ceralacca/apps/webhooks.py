"""Webhooks of holders, joined with the rest: the key that their secrets are kept under, and who calls.

Clauses: SE-5.
"""

import ssl
from dataclasses import dataclass
from threading import Semaphore

from ceralacca.apps.settings import Settings
from ceralacca.apps.webhook_key import webhook_key
from ceralacca.apps.wiring import CLOCK
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.net.webhook import Webhook
from ceralacca.ports.notices import CallsWebhook, NoWebhook
from ceralacca.ports.vault import SpoiltVaultFile
from ceralacca.services.retry import NotYet
from ceralacca.store.database import DatabaseStore
from ceralacca.trust.vault_key import VaultKey


def _bound(mailbox: Address) -> bytes:
    """A row that is copied to another mailbox signs nothing."""
    return b"webhook\0" + mailbox.key.encode()


def webhook(settings: Settings) -> Webhook:
    """Return how calls are made. Raises UserError."""
    authority = settings.notices.webhook_ca_file
    try:
        tls = ssl.create_default_context(cafile=str(authority) if authority else None)
    except OSError as error:  # ssl.SSLError is one
        what = f"notices.webhook_ca_file {authority}: not a certificate file"
        raise UserError(what, remedy="give PEM") from error
    return Webhook(tls=tls, private=settings.notices.webhook_private)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What the pages need to let a holder choose a server."""

    way: Webhook
    key: VaultKey

    def seal(self, secret: bytes, mailbox: Address) -> bytes:
        """Return a secret as it is kept."""
        return self.key.seal(secret, bound=_bound(mailbox))


def webhooks(settings: Settings) -> Webhooks | None:
    """Return it; None where the provider calls nobody. Raises UserError."""
    return Webhooks(way=webhook(settings), key=webhook_key(settings)) if settings.notices.webhooks else None


def webhook_caller(settings: Settings, store: DatabaseStore) -> CallsWebhook:
    """Return what calls the servers of holders, a few at once: the mail keeps its threads. Raises UserError."""
    room = Semaphore(max(settings.relay.threads // 4, 1))
    way, wishes = webhook(settings), store.notices()

    def calls(mailbox: Address, *, key: str, body: bytes) -> None:
        wanted = wishes.of(mailbox)
        if not wanted.webhook or not settings.notices.webhooks:
            raise NoWebhook("the mailbox has no webhook", remedy="nothing is to be done")
        try:
            secret = webhook_key(settings).open(wanted.secret, bound=_bound(mailbox))
        except SpoiltVaultFile:
            raise WorldError("the secret of a webhook does not open with this key", remedy="save it again") from None
        if not room.acquire(blocking=False):
            raise NotYet("others are being called")
        try:
            way.call(wanted.webhook, body, secret=secret, key=key, now=CLOCK.now())
        finally:
            room.release()

    return calls
