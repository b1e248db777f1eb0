"""`pec sample`: one sealed message of every kind, written to a folder."""

from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError
from ceralacca.base.instants import to_the_second
from ceralacca.testing.sample import SampleWorld

_STORY = timedelta(hours=25)
"""The longest story lasts 24 hours: begun so long ago, nothing in it lies in the future."""


def write_sample(folder: Path, present: datetime, words: Words, console: Console) -> None:
    """Write the sample. Raises UserError when the folder holds something or cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder}: not empty", remedy="give a new folder")
        world = SampleWorld.at(to_the_second(present) - _STORY)
        count = 0
        for file in track(world.files(), description=words("label", "sealing"), console=console, transient=True):
            path = folder / file.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.content)
            count += path.suffix == ".eml" and path.parent == folder
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}", remedy="check that you may write there") from error
    console.print(words("label", "sampled", count=count, folder=folder))
