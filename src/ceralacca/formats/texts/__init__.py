"""The Italian wording of every message, plain and HTML."""
