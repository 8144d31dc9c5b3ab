"""Live lines of a file, a pipe or standard input; a file that grows is followed."""

from .source import FileSource, open_source

__all__ = ["FileSource", "open_source"]
