"""Readings from an MQTT broker: one stream per topic, acknowledged once they are on disk."""

from __future__ import annotations

from .source import open_source

__all__ = ["open_source"]
