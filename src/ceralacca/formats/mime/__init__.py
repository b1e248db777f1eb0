"""Looking at messages octet by octet, and composing the few MIME parts that PEC needs."""
