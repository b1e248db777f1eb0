"""Keys, seals, certificate chains, revocation."""
