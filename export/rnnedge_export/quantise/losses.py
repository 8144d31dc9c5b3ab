"""What integers cost, output by output: error, difference from float, and drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import ParityError, SpecError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine, initial_state
from rnnedge_runtime.tolerances import (
    DRIFT_STEPS,
    FLOAT_MEAN_FRACTION,
    FLOAT_SIZE_FRACTION,
    LOSS_STD_FRACTION,
    PARITY_FLOAT32_FACTOR,
    PARITY_ULPS,
)

from ..compare.parity import target_errors
from ..compare.runs import run_through
from ..compare.verification_stream import Inputs
from ..probing.recording import Recording
from .request import JudgedStream, ScoredSeries

Outputs = NDArray[np.float32]
Float64 = NDArray[np.float64]

_NUMPY_DRIFT_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class OutputLoss:
    """Mean absolute error of one output on the test part, in its unit.

    Attributes:
        output: its name.
        unit: its unit.
        float_mae: of the float model.
        int8_mae: of the integers.
        allowed: what the second may be above the first.
    """

    output: str
    unit: str
    float_mae: float
    int8_mae: float
    allowed: float

    @property
    def rise(self) -> float:
        """How much larger the error of the integers is."""
        return self.int8_mae - self.float_mae

    @property
    def percent(self) -> float:
        """The rise in per cent of the float error; 0 where both are exact."""
        if not self.float_mae:
            return 0.0 if self.rise <= 0 else float("inf")
        return 100 * self.rise / self.float_mae

    @property
    def is_within(self) -> bool:
        """Whether the rise is allowed; NaN is not."""
        return self.rise <= self.allowed


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """Mean difference of integers from float in one output, in its unit.

    Attributes:
        output: its name.
        unit: its unit.
        difference: on the judged rows.
        spread: standard deviation of the output; its size where it does not change.
        allowed: what the difference may be.
        first_tenth: mean difference in the first tenth of the drift (`Drift`).
        last_tenth: the same in the last tenth.
    """

    output: str
    unit: str
    difference: float
    spread: float
    allowed: float
    first_tenth: float
    last_tenth: float

    @property
    def percent(self) -> float:
        """The difference in per cent of the spread."""
        if not self.spread:
            return 0.0 if not self.difference else float("inf")
        return 100 * self.difference / self.spread

    @property
    def builds_up(self) -> bool:
        """Whether it grows beyond what is allowed as the state is carried on."""
        is_larger = self.last_tenth > 2 * self.first_tenth
        return is_larger and not self.last_tenth <= self.allowed

    @property
    def is_within(self) -> bool:
        """Whether it is allowed and stays so; NaN is not."""
        return self.difference <= self.allowed and not self.builds_up


@dataclass(frozen=True, slots=True)
class Drift:
    """How far integers and float stand apart with carried state, in one output's unit.

    Attributes:
        num_steps: steps compared.
        output: the output that is furthest apart in its target's standard deviations.
        unit: its unit.
        deviation: standard deviation of its target.
        largest: largest difference.
        first_tenth: the same in the first tenth of the steps.
        last_tenth: the same in the last tenth.
        means: `[2][O]` mean differences of every output in the first and in the last tenth.
    """

    num_steps: int
    output: str
    unit: str
    deviation: float
    largest: float
    first_tenth: float
    last_tenth: float
    means: tuple[tuple[float, ...], tuple[float, ...]]


def target_deviations(
    spec: ModelSpec, scored: tuple[ScoredSeries, ...], engine: Engine, stream: Inputs
) -> Float64:
    """`[O]` standard deviation of each output's target: of what came, or was forecast."""
    if scored:
        y = np.concatenate([series.y for series in scored]).astype(np.float64)
    else:
        y = run_through(engine, spec, stream).astype(np.float64)
    known = np.isfinite(y)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, y, 0).sum(axis=0) / count
    square = np.where(known, y - mean, 0) ** 2
    return target_errors(spec, np.sqrt(square.sum(axis=0) / count))


def output_losses(
    spec: ModelSpec,
    y: Outputs,
    y_float: Outputs,
    y_int8: Outputs,
    max_loss: float,
    deviations: Float64,
) -> tuple[OutputLoss, ...]:
    """Errors of every output that can be scored."""
    losses = []
    for k, output in enumerate(spec.outputs):
        known = np.isfinite(y[:, k])
        if not known.any():
            continue
        truth = y[known, k].astype(np.float64)
        float_mae, int8_mae = (
            float(np.abs(found[known, k] - truth).mean()) for found in (y_float, y_int8)
        )
        allowed = max(max_loss * float_mae, LOSS_STD_FRACTION * float(deviations[k]))
        losses.append(
            OutputLoss(output.name, output.unit, float_mae, int8_mae, allowed)
        )
    return tuple(losses)


def output_differences(
    spec: ModelSpec,
    engines: tuple[Engine, Engine],
    judged: JudgedStream,
    max_loss: float,
    drift: Drift,
) -> tuple[OutputDifference, ...]:
    """Differences of every output.

    Args:
        spec: the model.
        engines: of the float model and of the integers.
        judged: the stream.
        max_loss: part of the spread that is allowed.
        drift: of the same stream.

    Raises:
        SpecError: the float model itself is not finite there.
    """
    y, y_int8 = (
        run_through(engine, spec, judged.x).astype(np.float64) for engine in engines
    )
    finite = np.isfinite(y).all(axis=1)
    if not finite.all():
        raise SpecError(
            f"export to int8: the float model is not finite at step "
            f"{int(np.argmin(finite))} of {judged.origin}, so integers cannot be compared "
            "with it. Train it again, or pass stream= with rows like those it was trained "
            "on."
        )
    means = np.abs(y_int8 - y)[judged.start :].mean(axis=0)
    spreads = output_spreads(spec, y)
    return tuple(
        OutputDifference(
            output.name,
            output.unit,
            float(means[k]),
            float(spreads[k]),
            max_loss * float(spreads[k]),
            drift.means[0][k],
            drift.means[1][k],
        )
        for k, output in enumerate(spec.outputs)
    )


def check_float(spec: ModelSpec, engine: Engine, recording: Recording) -> None:
    """Raise ParityError when the model that integers stand for is not PyTorch's.

    Args:
        spec: the model.
        engine: of its float weights.
        recording: what PyTorch gives.
    """
    own, found = recording.own, ""
    if own is not None and not own.is_within:
        found = f"at step {own.step}, {own.where} (limit {own.limit:.2g})"
        found = f"{own.max_error:.2g} from PyTorch {found}"
    elif own is None:
        expected = recording.y.astype(np.float64)
        means = np.abs(run_through(engine, spec, recording.x) - expected).mean(axis=0)
        allowed = FLOAT_MEAN_FRACTION * output_spreads(spec, expected)
        sizes = target_errors(spec, np.abs(expected).max(axis=0))
        allowed += FLOAT_SIZE_FRACTION * sizes
        if recording.float32_errors is not None:
            rounding = target_errors(spec, recording.float32_errors)
            allowed += PARITY_FLOAT32_FACTOR * rounding
        is_off = ~(means <= allowed)
        k = int(np.argmax(is_off))
        if is_off[k]:
            found = (
                f"{means[k]:.2g} from PyTorch in the mean of {len(expected):,} steps of "
                f"output '{spec.outputs[k].name}' (limit {allowed[k]:.2g})"
            )
    if found:
        raise ParityError(
            "export to int8: the float model that was read out of the module is "
            f"{found}, so integers of it would prove nothing. The artifact was not "
            "written. Export it to .rnne to see every step with --report."
        )


def output_spreads(spec: ModelSpec, y: Float64) -> Float64:
    """`[O]` standard deviation of each output's target in `y` `[T, O]`.

    Where that is no more than float32 rounds by, the output's size.
    """
    size = np.abs(y).max(axis=0)
    rounding = PARITY_ULPS * np.spacing(size.astype(np.float32))
    deviations = y.std(axis=0)
    spreads = np.where(deviations > rounding, deviations, size)
    return target_errors(spec, spreads)


def measure_drift(
    spec: ModelSpec, engines: tuple[Engine, Engine], x: Inputs, deviations: Float64
) -> Drift:
    """Stream `x` again and again with carried state through both engines."""
    is_quick = all(engine.backend == "native" for engine in engines)
    num_steps = DRIFT_STEPS if is_quick else _NUMPY_DRIFT_STEPS
    states = [initial_state(spec.graph_state, 1, np.float32) for _ in engines]
    tenth = num_steps // 10
    largest, first, last = np.zeros((3, spec.output_size))
    sums = np.zeros((2, spec.output_size))
    for start in range(0, num_steps, len(x)):
        chunk = x[: num_steps - start]
        found = []
        for i, engine in enumerate(engines):
            y, states[i] = engine.run(chunk[None], states[i])
            found.append(y[0].astype(np.float64))
        errors = np.abs(found[1] - found[0])
        early = errors[: max(0, tenth - start)]
        late = errors[max(0, num_steps - tenth - start) :]
        largest = np.maximum(largest, errors.max(axis=0))
        first = np.maximum(first, early.max(axis=0, initial=0.0))
        last = np.maximum(last, late.max(axis=0, initial=0.0))
        sums += early.sum(axis=0), late.sum(axis=0)
    worst = int(np.argmax(largest / np.where(deviations > 0, deviations, 1.0)))
    output = spec.outputs[worst]
    means = (sums / tenth).tolist()
    return Drift(
        num_steps,
        output.name,
        output.unit,
        float(deviations[worst]),
        float(largest[worst]),
        float(first[worst]),
        float(last[worst]),
        (tuple(means[0]), tuple(means[1])),
    )
