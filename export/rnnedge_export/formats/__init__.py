"""Artifacts: what each format writes, and what reads it back."""
