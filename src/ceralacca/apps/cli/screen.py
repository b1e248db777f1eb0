"""Where the answer is written: how wide, in which characters, with colour or not.

No text of a message and no file name may stop the answer: what the output's character set cannot
hold is written as an escape. The signs of the marks fall back to ASCII where the locale is not UTF-8.
"""

import io
import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

from ceralacca.apps.cli.page import Page
from ceralacca.apps.cli.safe_names import visible
from ceralacca.base.errors import PecError

_WIDTH = 120
"""Columns where the output is no terminal."""


def page_for(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Page:
    """Return a page that writes to a stream; colours only on a terminal, and not under NO_COLOR."""
    bear_any_character(stream)
    if not stream.isatty():
        return Page(stream, width=_WIDTH)
    colour = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Page(stream, width=shutil.get_terminal_size((_WIDTH, 25)).columns, colour=colour)


def bear_any_character(stream: TextIO) -> None:
    """Make a stream write an escape for what its encoding cannot hold."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def holds_signs(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the signs of the marks can be shown: output and locale are UTF-8.

    Python writes UTF-8 under LANG=C as well; a terminal of that locale may not show it.
    """
    if (stream.encoding or "").lower().replace("-", "") != "utf8":
        return False
    variables = ["LC_ALL", "LC_CTYPE", "LANG"]
    if environment.get("LC_CTYPE") == "C.UTF-8" and environment.get("LANG"):
        variables.remove("LC_CTYPE")  # what Python itself puts there under LANG=C (PEP 538)
    named = next((environment[name] for name in variables if environment.get(name)), "")
    return not named or named.lower().replace("-", "").partition("@")[0].endswith("utf8")


def tell_error(error: PecError) -> None:
    """Write on standard error what is wrong, and on a second line what to do."""
    print(f"pec: {visible(str(error))}", file=sys.stderr)
    if error.remedy:
        print(f"     {visible(error.remedy)}", file=sys.stderr)
