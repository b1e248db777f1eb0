"""What is done once before any other role starts: folders, tables, the service mailbox.

Needs no key, and loads little: holders wait for it. What can be mended by the operator stops the start with a remedy.
The first directory and CRLs come after (`apps.directory_agent`), when the doors of holders are open already.

Clauses: MO-4, LO-2.
"""

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.second_factor.key_file import make_factor_key
from ceralacca.apps.second_site import carry, may_start
from ceralacca.apps.service_events import record_start
from ceralacca.apps.settings import Settings
from ceralacca.apps.virus_scan import refuse_demo_database
from ceralacca.apps.virus_storage import make_key
from ceralacca.apps.webhook_key import make_webhook_key
from ceralacca.apps.wiring import CLOCK, database_url, provider_store, scanner
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.scanner import NotScanned
from ceralacca.ports.store import Store
from ceralacca.store.schema import upgrade

_SERVICE_QUOTA = 2**40


def prepare(settings: Settings) -> None:
    """Make everything ready that the roles expect. Raises UserError, WorldError."""
    DataFolder(settings.data.folder).make()
    make_key(settings)
    make_factor_key(settings)
    make_webhook_key(settings)
    upgrade(database_url(settings))
    may_start(settings)
    carry(settings)
    store = provider_store(settings, connections=1)
    try:
        add_service_mailbox(settings, store)
        if not settings.virus.managed:
            _look_at_scanner(settings)
        record_start(settings, store, CLOCK.now())
    finally:
        store.close()


def add_service_mailbox(settings: Settings, store: Store) -> None:
    """See that the service mailbox is there, in a domain that is served (MO-4)."""
    address = settings.provider.service_mailbox
    store.add_domain(address.domain, now=CLOCK.now())
    if store.mailbox(address) is None:
        store.put_mailbox(MailboxRecord(address=address, is_service=True, quota=_SERVICE_QUOTA), now=CLOCK.now())


def _look_at_scanner(settings: Settings) -> None:
    try:
        refuse_demo_database(settings, scanner(settings))
    except NotScanned:  # away: mail waits
        return
