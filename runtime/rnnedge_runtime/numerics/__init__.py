"""Arithmetic to the bit: `f32.v1`, `w8a16.v1` and the phase of a time."""
