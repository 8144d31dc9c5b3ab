"""Forecasts by HTTP GET: the newest of a series, and the names of all."""

from __future__ import annotations

from ...loop.nouns import Place, Sink


def open_sink(place: Place) -> Sink:
    """`http://HOST:PORT` answers `GET /forecasts/SERIES` and `GET /series` there.

    Raises:
        DataError: an option is unknown, or not what it must be.
    """
    from .sink import HttpSink

    return HttpSink(place)
