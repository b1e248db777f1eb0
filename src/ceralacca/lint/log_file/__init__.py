"""Reads sealed log files as a stranger would: shares no code with `formats.log_file`, which writes them."""
