"""Telegraf's `processors.execd`: line protocol in, the same lines with forecasts out."""

from .sink import TelegrafSink, open_sink
from .source import TelegrafSource, open_source

__all__ = ["TelegrafSink", "TelegrafSource", "open_sink", "open_source"]
