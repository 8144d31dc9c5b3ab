"""Forecasts as sensors of Home Assistant, which finds them by their discovery message."""

from __future__ import annotations

from .sink import forget, open_sink

__all__ = ["forget", "open_sink"]
