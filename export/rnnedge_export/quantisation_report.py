"""What int8 costs: error on the test stream, drift, cut-off values and size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.integer import IntegerEngine
from rnnedge_runtime.backends.integer_inputs import IntegerInputs
from rnnedge_runtime.engine import Engine, initial_state
from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.input_handling import clip_bounds
from rnnedge_runtime.integer_numerics import INTEGER_NUMERICS, LARGEST_READING
from rnnedge_runtime.metadata import Metadata
from rnnedge_runtime.numerics import clip
from rnnedge_runtime.quantised import QuantisedModel, parts
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.tolerances import DRIFT_STEPS, LOSS_STD_FRACTION
from rnnedge_runtime.weights import Weights

from .int8 import Int8, ScoredSeries, layer_name
from .parity import target_errors
from .rnne import build_rnne, quick_engine
from .verification_stream import Inputs

Outputs = NDArray[np.float32]
Float64 = NDArray[np.float64]

COUNTED_STEPS = 4_000
"""Most steps on which cut-off values are counted, the last ones, by the NumPy engine."""
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
class Drift:
    """How far integers and float stand apart with carried state, in one output's unit.

    Attributes:
        num_steps: steps compared.
        output: the output that is furthest apart in its target's standard deviations.
        unit: its unit.
        deviation: standard deviation of its target.
        largest: largest difference.
        last_tenth: the same in the last tenth of the steps.
    """

    num_steps: int
    output: str
    unit: str
    deviation: float
    largest: float
    last_tenth: float


@dataclass(frozen=True, slots=True)
class QuantisationReport:
    """What an export to integers found.

    Attributes:
        digest: SHA-256 (hex) of the integer model.
        kept: layers computed in float, by position and kind.
        max_loss: part by which an error may rise.
        losses: one per output that can be scored; () without a test part.
        drift: over a long stream.
        saturations: per layer, or `input`, values cut off on the last `counted_steps`.
        counted_steps: see `saturations`.
        calibration_rows: rows the scales were found on.
        float_nbytes: size of the float `.rnne`.
        int8_nbytes: size of the integer `.rnne`.
        int8_outputs: per scored series `[T, O]`, what the integers gave.
    """

    digest: str
    kept: tuple[str, ...]
    max_loss: float
    losses: tuple[OutputLoss, ...]
    drift: Drift
    saturations: dict[str, int]
    counted_steps: int
    calibration_rows: int
    float_nbytes: int
    int8_nbytes: int
    int8_outputs: tuple[Outputs, ...]

    @property
    def failed(self) -> tuple[OutputLoss, ...]:
        """The outputs whose error rises by more than allowed."""
        return tuple(loss for loss in self.losses if not loss.is_within)

    def content(self) -> dict[str, Any]:
        """The report for JSON."""
        content = dataclasses.asdict(self)
        del content["int8_outputs"]
        for loss, entry in zip(self.losses, content["losses"], strict=True):
            entry |= {"percent": loss.percent, "is_within": loss.is_within}
        return content

    def check(self) -> None:
        """Raise ParityError when an error rises by more than allowed."""
        if not self.failed:
            return
        worst = max(self.failed, key=lambda loss: loss.rise / max(loss.allowed, 1e-30))
        unit = f" {worst.unit}" if worst.unit else ""
        raise ParityError(
            f"export to int8: the error of '{worst.output}' on the test part rises from "
            f"{worst.float_mae:.4g} to {worst.int8_mae:.4g}{unit} ({worst.percent:+.2f} %), "
            f"allowed are {worst.allowed:.2g}{unit} ({100 * self.max_loss:g} % of it, or "
            f"{100 * LOSS_STD_FRACTION:g} % of the target's standard deviation). The "
            "artifact was not written. Keep the layer that is cut off most in float "
            f"({self.cut_off()}), or allow more with --max-loss."
        )

    def cut_off(self) -> str:
        """Which layers cut off values, most of them first."""
        ordered = sorted(self.saturations.items(), key=lambda item: -item[1])
        found = [f"{name}: {count:,} values" for name, count in ordered if count]
        return ", ".join(found) or "none is cut off"


def measure_quantisation(
    request: Int8,
    quantised: QuantisedModel,
    metadata: Metadata,
    weights: Weights,
    stream: Inputs,
) -> QuantisationReport:
    """Compare integers with float, and the engine of the integers with their definition.

    Args:
        request: data and limits.
        quantised: the integer model.
        metadata: description of the float model.
        weights: its weights.
        stream: `[T, I]` to drift and to cut off on where there is no test part.

    Raises:
        ParityError: the engine gives other bytes than the definition.
    """
    integer_metadata = dataclasses.replace(
        metadata, digest=quantised.digest, numerics=INTEGER_NUMERICS, limits=None
    )
    engines = (
        quick_engine(metadata, weights),
        quick_engine(integer_metadata, quantised),
    )
    spec = quantised.spec
    scored = request.data.scored
    outputs = [
        tuple(run_through(engine, spec, series.x) for series in scored)
        for engine in engines
    ]
    deviations = target_deviations(spec, scored, engines[0], stream)
    losses: tuple[OutputLoss, ...] = ()
    if scored:
        y = np.concatenate([series.y for series in scored])
        y_float, y_int8 = (np.concatenate(pieces) for pieces in outputs)
        losses = output_losses(spec, y, y_float, y_int8, request.max_loss, deviations)
    longest = max((s.x for s in scored), key=len, default=stream)
    counted = longest[-COUNTED_STEPS:]
    saturations, y = count_saturations(quantised, counted)
    _check_bytes(run_through(engines[1], spec, counted), y)
    roles = [part.role for part in parts(spec, quantised.kept)]
    return QuantisationReport(
        digest=quantised.digest,
        kept=tuple(layer_name(spec, k) for k, r in enumerate(roles) if r == "float"),
        max_loss=request.max_loss,
        losses=losses,
        drift=measure_drift(spec, engines, longest, deviations),
        saturations=saturations,
        counted_steps=len(counted),
        calibration_rows=sum(map(len, request.data.calibration)),
        float_nbytes=len(build_rnne(metadata, weights, engine=engines[0])),
        int8_nbytes=len(build_rnne(integer_metadata, quantised, engine=engines[1])),
        int8_outputs=outputs[1],
    )


def run_through(engine: Engine, spec: ModelSpec, x: Inputs) -> Outputs:
    """`[T, O]` from the initial state."""
    state = initial_state(spec.graph_state, 1, np.float32)
    return np.asarray(engine.run(x[None], state)[0][0], dtype=np.float32)


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


def measure_drift(
    spec: ModelSpec, engines: tuple[Engine, Engine], x: Inputs, deviations: Float64
) -> Drift:
    """Stream `x` again and again with carried state through both engines."""
    is_quick = all(engine.backend == "native" for engine in engines)
    num_steps = DRIFT_STEPS if is_quick else _NUMPY_DRIFT_STEPS
    states = [initial_state(spec.graph_state, 1, np.float32) for _ in engines]
    largest = np.zeros(spec.output_size)
    last_tenth = np.zeros(spec.output_size)
    for start in range(0, num_steps, len(x)):
        chunk = x[: num_steps - start]
        found = []
        for i, engine in enumerate(engines):
            y, states[i] = engine.run(chunk[None], states[i])
            found.append(y[0].astype(np.float64))
        errors = np.abs(found[1] - found[0])
        largest = np.maximum(largest, errors.max(axis=0))
        late = errors[max(0, num_steps - num_steps // 10 - start) :]
        last_tenth = np.maximum(last_tenth, late.max(axis=0, initial=0.0))
    worst = int(np.argmax(largest / np.where(deviations > 0, deviations, 1.0)))
    output = spec.outputs[worst]
    return Drift(
        num_steps,
        output.name,
        output.unit,
        float(deviations[worst]),
        float(largest[worst]),
        float(last_tenth[worst]),
    )


def count_saturations(
    quantised: QuantisedModel, x: Inputs
) -> tuple[dict[str, int], Outputs]:
    """Values cut off per integer layer and at the model input, and the outputs `[T, O]`."""
    engine = IntegerEngine(quantised)
    y = run_through(engine, quantised.spec, x)
    spec = quantised.spec
    counts = {}
    if parts(spec, quantised.kept)[0].is_first:
        counts["input"] = _cut_inputs(quantised, x)
    for k, part in enumerate(parts(spec, quantised.kept)):
        if part.role == "integer":
            cut = engine.saturations.get(f"layers.{k}", 0)
            counts[layer_name(spec, k)] = cut
    return counts, y


def _check_bytes(y: Outputs, expected: Outputs) -> None:
    differs = (y.view(np.uint32) != expected.view(np.uint32)).any(axis=1)
    if differs.any():
        raise ParityError(
            f"export to int8: the engine gives other bytes than the definition of "
            f"{INTEGER_NUMERICS} at step {int(np.argmax(differs))}. The artifact was not "
            "written. Report this with the version and the processor."
        )


def _cut_inputs(quantised: QuantisedModel, x: Inputs) -> int:
    """Inputs more than a step away from what stands for them, clipping apart."""
    inputs = IntegerInputs(quantised)
    clipped = clip(x, *clip_bounds(quantised.spec)).astype(np.float64)
    held = inputs.held_integers(x)
    found = inputs.to_float(inputs.clipped(held))
    if inputs.holds_readings:
        is_wide = quantised.tensors["input.0.reading_high"] == LARGEST_READING
        clipped = np.where(is_wide, x, clipped)
        found = np.where(is_wide, inputs.to_float(held), found)
    step = np.abs(quantised.tensors["input.0.step"].astype(np.float64))
    is_used = quantised.tensors["input.0.rate"] != 0
    return int((np.abs(found - clipped) > step)[:, is_used].sum())
