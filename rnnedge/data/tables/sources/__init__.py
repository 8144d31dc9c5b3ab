"""Where a table comes from: files, frames, Python objects."""
