"""The build of the wheel takes what the web pages show out of pinned wheels first (tools/web_assets.py)."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebAssets(BuildHookInterface[Any]):
    """Called by hatchling before it packs, also for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the assets up to date."""
        del version, build_data
        sys.path.insert(0, str(Path(self.root) / "tools"))
        import web_assets  # noqa: PLC0415 beside this file, not installed

        web_assets.take_assets()
