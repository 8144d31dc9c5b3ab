"""Readings by HTTP POST, answered once they are on disk."""

from __future__ import annotations

from ...loop.nouns import Place, Source


def open_source(place: Place) -> Source:
    """`http://HOST:PORT` takes `POST /readings` there.

    Raises:
        DataError: an option is unknown, or not what it must be.
    """
    from .source import HttpSource

    return HttpSource(place)
