"""Conformance rules that read a finished message as a stranger would."""
