"""Forecasts as sensors of Home Assistant, which finds them by their discovery message."""

from __future__ import annotations

from .sink import open_sink

__all__ = ["open_sink"]
