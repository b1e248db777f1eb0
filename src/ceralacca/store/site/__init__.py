"""Two sites of one provider: what is answered is durable in both before it is answered (SL-6)."""
