"""Engines, models, streams and fleets: what advances by one step at a time."""
