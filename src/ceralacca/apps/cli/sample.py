"""`pec sample`: one sealed message of every kind, written to a folder."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ceralacca.apps.cli.page import Page, Run
from ceralacca.apps.cli.safe_names import visible
from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError
from ceralacca.base.instants import to_the_second
from ceralacca.testing.sample import SampleFile, SampleWorld

_STORY = timedelta(hours=25)
"""The longest story lasts 24 hours: begun so long ago, nothing in it lies in the future."""


def write_sample(folder: Path, present: datetime, words: Words, page: Page) -> None:
    """Write the sample. Raises UserError when the folder holds something or cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder}: not empty", remedy="give a new folder")
        world = SampleWorld.at(to_the_second(present) - _STORY)
        count = 0
        for file in _with_progress(world.files(), words):
            path = folder / file.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.content)
            count += path.suffix == ".eml" and path.parent == folder
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}", remedy="check that you may write there") from error
    page.line(Run(words("label", "sampled", count=count, folder=visible(str(folder)))))


def _with_progress(files: Iterable[SampleFile], words: Words) -> Iterable[SampleFile]:
    """Show progress on standard error, when it is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return files
    return track(files, description=words("label", "sealing"), console=console, transient=True)
