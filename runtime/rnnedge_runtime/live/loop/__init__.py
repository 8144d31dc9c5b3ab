"""Readings from live sources through a fleet of streams into sinks, with a state on disk."""
