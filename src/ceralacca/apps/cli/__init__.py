"""The command `pec`."""
