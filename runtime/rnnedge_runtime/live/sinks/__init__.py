"""Where forecasts go: rows of text in files and pipes, and what the registry gains."""
