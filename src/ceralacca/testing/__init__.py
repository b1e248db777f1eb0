"""Test authority, contrary peer, fixed clock and entropy: imported by tests, benches and `pec sample` only."""
