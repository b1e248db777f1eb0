"""Files of a sealed log: JSON Lines, written here and read by `lint.log_file`, which shares no code with it."""
