"""Ceralacca: the software of a certified mail provider (gestore PEC).

The layers and what each may know: ARCHITECTURE.md. The requirement register: `spec/`.
"""

__version__ = "0.1.0"
