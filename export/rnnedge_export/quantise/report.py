"""What int8 costs: error on the test stream, drift, cut-off values and size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.f32 import clip
from rnnedge_runtime.numerics.w8a16 import (
    INTEGER_NUMERICS,
    LARGEST_BIAS,
    LARGEST_FUNCTION_GAIN,
    LARGEST_MULTIPLIER,
    LARGEST_READING,
)
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs
from rnnedge_runtime.tolerances import JUDGED_AGAIN_FRACTION, LOSS_STD_FRACTION

from ..compare.runs import first_difference, run_through, side_by_side
from ..compare.verification_stream import Inputs
from ..formats.rnne.writing import quick_engine, rnne_nbytes
from ..probing.recording import Recording
from .judgement import JudgedOutput, StoredJudgement, again_differences
from .losses import (
    Drift,
    OutputDifference,
    OutputLoss,
    Outputs,
    check_float,
    measure_drift,
    output_differences,
    output_losses,
    target_deviations,
)
from .request import DRAWN, Int8, layer_name

COUNTED_STEPS = 4_000
"""Most steps on which cut-off values are counted, the last ones, by the NumPy engine."""

_ENDS = {
    "multiplier": LARGEST_MULTIPLIER,
    "bias": LARGEST_BIAS,
    "gain": LARGEST_FUNCTION_GAIN,
}


@dataclass(frozen=True, slots=True)
class QuantisationReport:
    """What an export to integers found.

    Attributes:
        digest: SHA-256 (hex) of the integer model.
        kept: layers computed in float, by position and kind.
        max_loss: part by which an error may rise, or of a spread a difference may be.
        judged_on: which rows, in words.
        losses: one per output that can be scored; () without a test part.
        differences: one per output, without a test part; else ().
        drift: over a long stream.
        saturations: per layer, or `input`, values cut off on the last `counted_steps`.
        cut_rows: rows of weights or biases beyond what their integers hold, by tensor.
        counted_steps: see `saturations`.
        calibration_rows: rows the scales were found on.
        float_nbytes: size of the float `.rnne`.
        int8_nbytes: size of the integer `.rnne`.
        int8_outputs: per scored series `[T, O]`, what the integers gave.
        judgement: what the artifacts hold of it.
    """

    digest: str
    kept: tuple[str, ...]
    max_loss: float
    judged_on: str
    losses: tuple[OutputLoss, ...]
    differences: tuple[OutputDifference, ...]
    drift: Drift
    saturations: dict[str, int]
    cut_rows: dict[str, int]
    counted_steps: int
    calibration_rows: int
    float_nbytes: int
    int8_nbytes: int
    int8_outputs: tuple[Outputs, ...]
    judgement: StoredJudgement

    @property
    def failed(self) -> tuple[OutputLoss, ...]:
        """The outputs whose error rises by more than allowed."""
        return tuple(loss for loss in self.losses if not loss.is_within)

    @property
    def too_far(self) -> tuple[OutputDifference, ...]:
        """The outputs that are further from float than allowed."""
        return tuple(item for item in self.differences if not item.is_within)

    def content(self) -> dict[str, Any]:
        """The report for JSON."""
        content = dataclasses.asdict(self)
        del content["int8_outputs"], content["judgement"]
        for item, entry in zip(self.differences, content["differences"], strict=True):
            entry |= {"percent": item.percent, "is_within": item.is_within}
        for loss, entry in zip(self.losses, content["losses"], strict=True):
            entry |= {"percent": loss.percent, "is_within": loss.is_within}
        return content

    def check(self) -> None:
        """Raise ParityError when an error rises, or a difference is, more than allowed."""
        if self.too_far:
            raise ParityError(self._distance())
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

    def _distance(self) -> str:
        worst = max(
            self.too_far,
            key=lambda item: np.nan_to_num(item.difference / max(item.allowed, 1e-30)),
        )
        unit = f" {worst.unit}" if worst.unit else ""
        found = (
            f"output '{worst.output}' is {worst.difference:.3g}{unit} from float in the "
            f"mean of {self.judged_on}, {worst.percent:.3g} % of its spread of "
            f"{worst.spread:.3g}{unit}; {100 * self.max_loss:g} % are allowed"
        )
        if worst.difference <= worst.allowed:
            found = (
                f"the difference of output '{worst.output}' from float builds up: its mean "
                f"is {worst.first_tenth:.3g}{unit} in the first tenth of "
                f"{self.drift.num_steps:,} carried steps and {worst.last_tenth:.3g}{unit} in "
                f"the last, where {worst.allowed:.3g}{unit} are allowed"
            )
        more = "a longer stream=" if DRAWN not in self.judged_on else "stream="
        return (
            f"export to int8: {found}. The artifact was not written. Keep a layer in float "
            f"with keep_float= (cut off: {self.cut_off()}), pass {more} with rows like "
            "those the model was trained on, or allow more with max_loss=."
        )

    def cut_off(self) -> str:
        """Which layers cut off values, most of them first."""
        ordered = sorted(self.saturations.items(), key=lambda item: -item[1])
        found = [_counted(name, count, "value") for name, count in ordered if count]
        found += [_counted(name, n, "row") for name, n in self.cut_rows.items()]
        return ", ".join(found) or "none is cut off"


def measure_quantisation(
    request: Int8,
    quantised: QuantisedModel,
    metadata: Metadata,
    weights: Weights,
    stream: Inputs,
    recording: Recording | None = None,
) -> QuantisationReport:
    """Compare integers with float, and the engine of the integers with their definition.

    Args:
        request: data and limits.
        quantised: the integer model.
        metadata: description of the float model.
        weights: its weights.
        stream: `[T, I]` to drift and to cut off on where there is no test part.
        recording: what PyTorch gives, to prove the float model by.

    Raises:
        ParityError: the engine gives other bytes than the definition, or the float model
            other numbers than PyTorch.
    """
    data, spec = request.data, quantised.spec
    assert data is not None
    scored, judged = data.scored, data.judged
    integer_metadata = dataclasses.replace(
        metadata, digest=quantised.digest, numerics=INTEGER_NUMERICS, limits=None
    )
    engines = (
        quick_engine(metadata, weights),
        quick_engine(integer_metadata, quantised),
    )
    if recording is not None:
        check_float(spec, engines[0], recording)
    longest = stream if judged is None or scored else judged.x
    longest = max((series.x for series in scored), key=len, default=longest)
    outputs = [
        tuple(run_through(engine, spec, series.x) for series in scored)
        for engine in engines
    ]
    deviations = target_deviations(spec, scored, engines[0], longest)
    drift = measure_drift(spec, engines, longest, deviations)
    losses: tuple[OutputLoss, ...] = ()
    differences: tuple[OutputDifference, ...] = ()
    judged_on = "the test part"
    if scored:
        y = np.concatenate([series.y for series in scored])
        y_float, y_int8 = (np.concatenate(pieces) for pieces in outputs)
        losses = output_losses(spec, y, y_float, y_int8, request.limit, deviations)
    elif judged is not None:
        differences = output_differences(spec, engines, judged, request.limit, drift)
        judged_on = judged.words
        deviations = np.array([item.spread for item in differences])
    counted = longest[-COUNTED_STEPS:]
    saturations, y = count_saturations(quantised, counted, engines[1])
    step = first_difference(run_through(engines[1], spec, counted), y)
    if step is not None:
        raise ParityError(
            f"export to int8: the engine gives other bytes than the definition of "
            f"{INTEGER_NUMERICS} at step {step}. The artifact was not "
            "written. Report this with the version and the processor."
        )
    rows = cut_rows(quantised)
    judgement = StoredJudgement(
        rule="error" if scored else "difference",
        judged_on=judged_on,
        calibration_rows=sum(map(len, data.calibration)),
        max_loss=request.limit,
        outputs=(
            *(JudgedOutput(item.output, item.rise, item.allowed) for item in losses),
            *(JudgedOutput(i.output, i.difference, i.allowed) for i in differences),
        ),
        drift_steps=drift.num_steps,
        drift_output=drift.output,
        drift_tenths=(drift.first_tenth, drift.last_tenth),
        cut_off=saturations | rows,
        counted_steps=len(counted),
        again=again_differences(spec, engines, metadata.golden.x),
        again_limit=tuple((JUDGED_AGAIN_FRACTION * deviations).tolist()),
        float_digest=metadata.digest,
    )
    integer_metadata = dataclasses.replace(
        integer_metadata, int8_judgement=judgement.text()
    )
    roles = [part.role for part in quantised.roles]
    return QuantisationReport(
        digest=quantised.digest,
        kept=tuple(layer_name(spec, k) for k, r in enumerate(roles) if r == "float"),
        max_loss=request.limit,
        judged_on=judged_on,
        losses=losses,
        differences=differences,
        drift=drift,
        saturations=saturations,
        cut_rows=rows,
        counted_steps=len(counted),
        calibration_rows=judgement.calibration_rows,
        float_nbytes=rnne_nbytes(metadata, weights),
        int8_nbytes=rnne_nbytes(integer_metadata, quantised),
        int8_outputs=outputs[1],
        judgement=judgement,
    )


def count_saturations(
    quantised: QuantisedModel, x: Inputs, quick: Engine
) -> tuple[dict[str, int], Outputs]:
    """Values cut off per integer layer and at the model input, and the outputs `[T, O]`.

    Both are those of NumPy, whatever the `quick` engine of the integers gives.
    """
    spec, engine = quantised.spec, IntegerEngine(quantised)
    y = side_by_side(engine, quick, spec, x)
    if y is None:
        engine = IntegerEngine(quantised)
        y = run_through(engine, spec, x)
    counts = {}
    if quantised.roles[0].is_first:
        counts["input"] = _cut_inputs(quantised, x)
    for k, part in enumerate(quantised.roles):
        if part.role == "integer":
            cut = engine.saturations.get(f"layers.{k}", 0)
            counts[layer_name(spec, k)] = cut
    return counts, y


def cut_rows(quantised: QuantisedModel) -> dict[str, int]:
    """Rows of each tensor of an integer layer that the export set to the end of its range."""
    found = {}
    for name, tensor in quantised.tensors.items():
        holder, k, what = name.split(".")
        largest = _ENDS.get(what.partition("_")[0])
        if (
            holder != "layers"
            or quantised.roles[int(k)].role != "integer"
            or not largest
        ):
            continue
        rows = int(np.count_nonzero(np.abs(tensor.astype(np.int64)) == largest))
        if rows:
            what = what.replace("multiplier", "weight")
            found[f"{layer_name(quantised.spec, int(k))} {what}"] = rows
    return found


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


def _counted(name: str, count: int, what: str) -> str:
    return f"{name}: {count:,} {what}{'' if count == 1 else 's'}"
