"""Octets to values and back: MIME, certification data, S/MIME framing, LDIF.

Reading and composing live in separate modules, so that `lint` may use the readers and never a
composer.
"""
