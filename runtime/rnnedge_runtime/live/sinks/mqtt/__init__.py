"""Forecasts to an MQTT broker, the newest of each series kept there for who comes later."""

from __future__ import annotations

from .sink import open_sink

__all__ = ["open_sink"]
