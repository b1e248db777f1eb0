"""Rules of the family `structure`."""

from ceralacca.lint.rule import Family

FAMILY = Family()
