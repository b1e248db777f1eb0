"""A probe: a holder nobody hired, who walks through the whole service every 30 seconds and notes how it was."""
