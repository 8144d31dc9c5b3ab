"""Limits of rounding, and outputs compared with them."""
