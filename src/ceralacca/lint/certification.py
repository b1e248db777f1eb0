"""Rules of the family `certification`."""

from ceralacca.lint.rule import Family

FAMILY = Family()
