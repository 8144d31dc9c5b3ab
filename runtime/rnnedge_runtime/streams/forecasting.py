"""Forecasts from a copy of the state, past the horizon by feeding outputs back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..errors import SpecError
from ..spec.clip import range_bounds
from ..spec.model_spec import ModelSpec
from .arguments import check_time_limits, sample_period
from .engine import Engine, LastStep

_WHERE = "Stream.forecast"


def forecast_rows(
    engine: Engine, last_step: LastStep, *, num_steps: int, hold: bool
) -> Array:
    """The rows of `Stream.forecast`.

    Args:
        last_step: what the forecast starts from; not changed.
        num_steps: rows wanted, 1 or more.
        hold: whether inputs that are no target stay at their last accepted readings.

    Returns:
        `[num_steps, targets]`, with Q quantiles `[num_steps, targets, Q]`.

    Raises:
        SpecError: an output cannot be fed back.
        ShapeError: a time of a step ahead is beyond int64.
    """
    spec = engine.spec
    steps = _by_step(spec, last_step.output)
    rows = list(steps[:num_steps])
    if num_steps > spec.horizon:
        sources = _fed_back(spec, hold=hold)
        state = [tensor[None] for tensor in last_step.state]
        for k in range(1, num_steps - spec.horizon + 1):
            one_ahead = steps[0, :, spec.quantiles.index(0.5) if spec.quantiles else 0]
            reading = np.where(sources < 0, last_step.held, one_ahead[sources])
            x = _next_input(engine, reading, last_step.time, k)
            y, state = engine.run(x, state)
            steps = _by_step(spec, y[0, 0])
            rows.append(steps[-1])
    shape = (num_steps, len(spec.targets), len(spec.quantiles))
    return np.stack(rows).reshape(shape if spec.quantiles else shape[:2])


def _by_step(spec: ModelSpec, output: Array) -> Array:
    """`[O]` as `[horizon, targets, quantiles or 1]`."""
    shape = (len(spec.targets), spec.horizon, max(1, len(spec.quantiles)))
    return output.reshape(shape).transpose(1, 0, 2)


def _fed_back(spec: ModelSpec, *, hold: bool) -> NDArray[np.int64]:
    """`[F]` index of the target that supplies a feature's next reading; -1: it is held."""
    beyond = (
        f"a forecast of more than {spec.horizon} steps feeds outputs back as inputs"
    )
    unknown = [name for name in spec.feature_names if name not in spec.target_names]
    if unknown and not hold:
        raise SpecError(
            f"{_WHERE}: {beyond}, but {', '.join(unknown)} "
            f"{'is an input' if len(unknown) == 1 else 'are inputs'} and not a target. "
            f"Ask for at most {spec.horizon} steps, train with a longer --horizon or with "
            "every input as a --target, or hold them (hold=True, --beyond hold)."
        )
    if spec.quantiles and 0.5 not in spec.quantiles:
        raise SpecError(
            f"{_WHERE}: {beyond}, the median of the quantiles, but 0.5 is not among "
            f"{spec.quantiles}. Ask for at most {spec.horizon} steps, or train with "
            "the quantile 0.5."
        )
    if spec.derived:
        sample_period(spec, where=_WHERE)
    return np.array(
        [
            spec.target_names.index(name) if name in spec.target_names else -1
            for name in spec.feature_names
        ]
    )


def _next_input(
    engine: Engine, reading: Array, last_time: int, k: int
) -> NDArray[np.float32]:
    """`[1, 1, I]`: the reading fed back `[F]`, then the columns of the k-th next time.

    A forecast outside a feature's range is no missing reading: its bound is fed back.
    """
    spec = engine.spec
    x = np.zeros((1, 1, spec.input_size), dtype=np.float32)
    x[0, 0, : spec.num_features] = reading
    if any(feature.range is not None for feature in spec.features):
        np.clip(x[0, 0], *range_bounds(spec), out=x[0, 0])
    if spec.derived:
        time = last_time + round(k * sample_period(spec, where=_WHERE))
        check_time_limits(time, where=_WHERE)
        times = np.array([time], dtype=np.int64)
        x[0, 0, spec.num_features :] = engine.inputs.derived(times)[0]
    return x
