"""The neutral texts under the name by which the composers know them; see `formats.neutral`."""

from ceralacca.formats.neutral import one_line, some_lines

__all__ = ["one_line", "some_lines"]
