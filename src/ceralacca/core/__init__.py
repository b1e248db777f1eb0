"""The rules of PEC as pure functions and tables: knows no octets of a message, no sockets, no SQL."""
