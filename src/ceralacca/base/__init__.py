"""The floor: clock, instants, identifiers, errors. Knows nothing of PEC messages."""
