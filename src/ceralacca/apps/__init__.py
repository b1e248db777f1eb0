"""Processes and the command line: the only place where parts are joined."""
