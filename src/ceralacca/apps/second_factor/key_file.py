"""The key file of second factors; unless the settings name another, it is made in the data folder at the first start.

Clauses: SE-3.
"""

from pathlib import Path

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.settings import Settings
from ceralacca.trust.factor_key import FactorKey
from ceralacca.trust.vault_key import ensure_key


def factor_key_file(settings: Settings) -> Path:
    """Return where the key is."""
    return settings.web.factor_key_file or DataFolder(settings.data.folder).root / "second-factor.key"


def make_factor_key(settings: Settings) -> None:
    """Make the key unless it is there; one that the settings name is the operator's to make."""
    if settings.web.enabled and settings.web.factor_key_file is None:
        ensure_key(factor_key_file(settings))


def factor_key(settings: Settings) -> FactorKey:
    """Read the key. Raises UserError."""
    return FactorKey.load(factor_key_file(settings))
