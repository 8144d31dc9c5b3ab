"""Bytes and characters to cells: encoding, delimiters, headers, numbers."""
