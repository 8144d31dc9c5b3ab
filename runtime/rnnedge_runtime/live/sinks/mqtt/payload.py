"""A forecast as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite

from ...loop.nouns import Outcome, Place


def forecast_writer(place: Place) -> Callable[[Outcome, int], bytes]:
    """A function from an outcome and a number of its forecasts to the object of it."""
    keys = [json.dumps(output.name) for output in place.spec.outputs]
    names: list[str] = []

    def write(outcome: Outcome, k: int) -> bytes:
        number = int(outcome.series[k])
        for name in place.names[len(names) :]:
            names.append(json.dumps(name))
        at = datetime.fromtimestamp(outcome.time_us[k] / 1e6, UTC).isoformat()
        values = ", ".join(
            f"{key}: {value if isfinite(value) else 'null'}"
            for key, value in zip(keys, outcome.values[k], strict=True)
        )
        late = ', "late": true' if outcome.is_late else ""
        return f'{{"series": {names[number]}, "time": "{at}", {values}{late}}}'.encode()

    return write
