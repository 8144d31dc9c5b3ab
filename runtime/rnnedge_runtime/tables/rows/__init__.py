"""Rows of readings, one after another, and what is held out of them."""
