"""The edges towards the network."""
