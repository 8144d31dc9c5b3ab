"""The forecast as charts plot it: a list of `datetime` and `value` a target."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...payloads.forecasts import number_text
from .device import curve_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ....spec.model_spec import ModelSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def list_writer(spec: ModelSpec) -> Callable[[int, NDArray[np.float32]], str]:
    """A function from the time of a reading and its forecast to the object of lists.

    Without a sampling period, a value has its step ahead as `step` and no `datetime`.
    """
    curves: dict[str, list[int]] = {}
    for k, output in enumerate(spec.outputs):
        curves.setdefault(json.dumps(curve_of(output)), []).append(k)
    period_us = round(1e6 * (spec.sample_period_s or 0))
    steps = [output.step for output in spec.outputs]

    def point(k: int, time_us: int, value: np.float32) -> str:
        if period_us:
            at = _EPOCH + timedelta(microseconds=time_us + steps[k] * period_us)
            head = f'"datetime": "{at.isoformat()}"'
        else:
            head = f'"step": {steps[k]}'
        return f'{{{head}, "value": {number_text(value) or "null"}}}'

    def write(time_us: int, values: NDArray[np.float32]) -> str:
        lists = (
            f"{curve}: [{', '.join(point(k, time_us, values[k]) for k in places)}]"
            for curve, places in curves.items()
        )
        return f"{{{', '.join(lists)}}}"

    return write
