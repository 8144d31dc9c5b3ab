"""Generated C in `w8a16.v1`."""
