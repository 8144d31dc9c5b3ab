"""Where the lines of a table come from: files, pipes, and what the registry gains."""
