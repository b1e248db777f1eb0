"""Importing much of the program at once, without the collector of cycles looking at it over and over.

Modules make many objects and hardly any garbage. The collector, which looks whenever enough objects were made, takes
a sixth of the time of a start; what it was to look at then is there for as long as the process lives.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Keep the collector away for the length of the block, and from all that is there at its end."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
