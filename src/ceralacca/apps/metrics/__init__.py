"""Figures that an operator watches, for Prometheus: read where they are kept, never an address in a label."""
