"""Rules of the family `headers`."""

from ceralacca.lint.rule import Family

FAMILY = Family()
