"""The device side: load an artifact, stream it one step at a time. Needs numpy only."""
