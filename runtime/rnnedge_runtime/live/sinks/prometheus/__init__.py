"""The Prometheus endpoint: the newest forecasts and the counters, to be scraped."""

from __future__ import annotations

from ...loop.nouns import Place, Sink


def open_sink(place: Place) -> Sink:
    """`prometheus://HOST:PORT` answers `GET /metrics` there.

    Raises:
        DataError: an option is unknown or of the wrong kind.
    """
    from .sink import PrometheusSink

    return PrometheusSink(place)
