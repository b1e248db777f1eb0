"""The mailboxes' process: a Dovecot of our own over the Maildirs, and the sign-in that it asks.

Holders face it on 993 and 995. It holds no signing key and writes no mail; started by root, Dovecot and the
mailboxes belong to its user. Clauses: DP-7, MO-4, SE-3.
"""

import os
from typing import Final

from ceralacca.apps.access import sign_in
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import mail_store, provider_store
from ceralacca.base.errors import WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.address import Address
from ceralacca.net.auth_service import MailboxDirectory
from ceralacca.net.dovecot_child import server_user
from ceralacca.net.dovecot_configuration import DovecotSettings
from ceralacca.net.mailboxes import MailboxServer
from ceralacca.ports.sign_in import SignsIn
from ceralacca.ports.store import Store
from ceralacca.store.maildir_files import Owner

_LOOK: Final = 5.0


def run_mailbox_access(settings: Settings, duty: Duty) -> None:
    """Show mailboxes until the duty ends. Raises UserError, WorldError when Dovecot ends by itself."""
    folder = DataFolder(settings.data.folder)
    owner = mail_owner(settings)
    folder.make(passable=owner is not None)
    _make_root(folder, owner)
    store = provider_store(settings)
    try:
        with sign_in(settings, store) as judge:
            _keep_up(_server(settings, store, judge), duty)
    finally:
        store.close()


def _keep_up(server: MailboxServer, duty: Duty) -> None:
    server.start()
    try:
        dovecot = server.settings
        duty.ready(imap_port=dovecot.imaps_port, pop3_port=dovecot.pop3s_port, dovecot=server.pid or 0)
        while not duty.ending.wait(_LOOK):
            duty.beat()
            if not server.healthy():
                raise WorldError("Dovecot has ended or does not answer", remedy=f"read {dovecot.log}")
    finally:
        server.stop()


def _make_root(folder: DataFolder, owner: Owner | None) -> None:
    """Make the folder of mailboxes, in which Dovecot makes those that nothing has reached yet. Raises WorldError."""
    try:
        folder.mail.mkdir(mode=0o700, exist_ok=True)
        if owner is not None:
            os.chown(folder.mail, owner.uid, owner.gid)
    except OSError as error:
        raise WorldError(f"{folder.mail}: {error.strerror}", remedy="look at the data folder") from error


def mail_owner(settings: Settings) -> Owner | None:
    """Return whom the mailboxes belong to when that is not ourselves. Raises UserError."""
    if os.geteuid() != 0 or not settings.mailboxes.managed:
        return None
    user = server_user()
    return Owner(uid=user.uid, gid=user.gid)


def dovecot_settings(settings: Settings) -> DovecotSettings:
    """Return what our Dovecot is to be."""
    folder = DataFolder(settings.data.folder).dovecot
    return DovecotSettings(
        run_folder=folder,
        log=folder / "dovecot.log",
        certificate=settings.tls.certificate,
        private_key=settings.tls.key,
        host=settings.mailboxes.host,
        imaps_port=settings.mailboxes.imap_port,
        pop3s_port=settings.mailboxes.pop3_port,
    )


def _server(settings: Settings, store: Store, judge: SignsIn) -> MailboxServer:
    def quota(mailbox: Address) -> int:
        record = store.mailbox(mailbox)
        if record is None:  # closed in this very moment
            raise WorldError("the mailbox is gone")
        return record.quota

    return MailboxServer(
        dovecot_settings(settings),
        user=server_user(),
        signs_in=judge,
        mailboxes=MailboxDirectory(home=mail_store(settings, mail_owner(settings)).make_home, quota=quota),
        entropy=system_entropy,
    )
