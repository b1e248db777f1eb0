"""Files of messages made fit to be looked at, by a process of its own that can do nothing else (ADR 11).

`looker` asks, `child` is that process, `confine` takes everything from it, `drawing` reads the file.
"""
