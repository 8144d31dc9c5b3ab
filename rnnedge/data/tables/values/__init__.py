"""Text and values of a table before it has columns with roles."""
