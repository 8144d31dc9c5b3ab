"""Readings of many series through one fleet: their slots, what waits, what is saved."""
