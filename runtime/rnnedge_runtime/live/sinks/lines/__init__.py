"""Forecasts as lines of JSON, CSV or line protocol, into a file or standard output."""

from .sink import LineSink, open_sink

__all__ = ["LineSink", "open_sink"]
