"""The key that secrets of holders' webhooks are kept under: where it is, and making it.

Apart from `apps.webhooks`, for it is made before the doors open, and calling the Web takes long to load.

Clauses: SE-5.
"""

from pathlib import Path

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.trust.vault_key import VaultKey, ensure_key


def _key_file(settings: Settings) -> Path:
    return settings.notices.key_file or DataFolder(settings.data.folder).root / "notices.key"


def make_webhook_key(settings: Settings) -> None:
    """Make the key unless it is there; one that the settings name is the operator's to make."""
    if settings.notices.key_file is None:
        ensure_key(_key_file(settings))


def webhook_key(settings: Settings) -> VaultKey:
    """Read the key. Raises UserError."""
    return VaultKey.load(_key_file(settings))
