"""What a payload says."""

from __future__ import annotations

import json
from collections.abc import Callable

from ...loop.nouns import Place, Reading


def payload_decoder(place: Place) -> Callable[[bytes, str], list[Reading]]:
    """A function from payload and series to readings; it raises ValueError with a reason."""
    features = [feature.name for feature in place.spec.features]

    def decode(payload: bytes, series: str) -> list[Reading]:
        try:
            found = json.loads(payload)
        except ValueError:
            raise ValueError("no JSON") from None
        if isinstance(found, float | int):
            return [Reading(series, None, {features[0]: float(found)})]
        if not isinstance(found, dict):
            raise ValueError("no number or object")
        time_us = found.get("time")
        values = {name: float(found[name]) for name in features if name in found}
        return [Reading(series, time_us, values)]

    return decode
