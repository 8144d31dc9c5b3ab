"""Pictures of a run and of the future."""
