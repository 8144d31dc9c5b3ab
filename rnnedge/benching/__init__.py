"""Measurements of artifacts: time per step, start-up, memory, error."""
