"""Rules of the family `text`."""

from ceralacca.lint.rule import Family

FAMILY = Family()
