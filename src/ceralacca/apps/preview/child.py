"""The confined process: reads one file from its standard input, answers on its standard output, and ends.

    python -I -m ceralacca.apps.preview.child WHAT NUMBER

The answer is one line of JSON, then the octets of a picture. Exit status 3: this system cannot confine it.
"""

import json
import os
import sys
from typing import Any

from ceralacca.apps.preview.confine import UNCONFINED, CannotConfine, confine
from ceralacca.apps.preview.drawing import Refused, draw_page, draw_picture, tell_invoice

_WAYS = {"picture": draw_picture, "page": draw_page, "invoice": tell_invoice}


def main() -> int:
    """Answer; return the exit status."""
    way, number = _WAYS[sys.argv[1]], int(sys.argv[2])
    try:
        confine()
    except CannotConfine:
        return UNCONFINED
    facts: dict[str, Any]
    try:
        facts, drawn = way(sys.stdin.buffer.read(), number)
    except Refused as error:
        facts, drawn = {"refused": str(error)}, b""
    except (MemoryError, RecursionError):
        facts, drawn = {"refused": "too-large"}, b""
    with os.fdopen(1, "wb", closefd=False) as out:
        out.write(json.dumps(facts).encode() + b"\n" + drawn)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # nothing is worth tidying, and libraries would ask for what is gone
