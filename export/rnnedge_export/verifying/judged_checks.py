"""Checks of `verify` that follow what an int8 export was judged on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import PARITY_ULPS

from ..compare.runs import Array, step_through
from ..quantise.judgement import (
    StoredJudgement,
    mean_differences,
    read_judgement,
    repeated,
)
from .check import Check, outcome
from .evidence import Evidence

JUDGED = "judged at export"


def stored_judgement(model: Model) -> StoredJudgement | None:
    """What the file of a model holds; None where it holds none.

    Raises:
        FormatError: it does not fit the model.
    """
    return read_judgement(model.metadata, where=model.name)


def judged_at_export(evidence: Evidence) -> Iterator[Check]:
    """What the export found is within the limit it was given."""
    stored = stored_judgement(evidence.model)
    if stored is None:
        return
    detail, worst = judgement_text(stored), stored.worst
    if worst is None:
        yield evidence.not_checked(JUDGED, detail)
        return
    found = outcome(stored.is_within), worst.found, worst.allowed
    yield Check(evidence.model.name, JUDGED, *found, detail)


def judgement_text(stored: StoredJudgement) -> str:
    """What was judged of the output nearest to its limit, and on what."""
    worst = stored.worst
    if worst is None:
        return f"no output could be scored on {stored.judged_on}"
    what = (
        f"rise of the error of {worst.name}"
        if stored.rule == "error"
        else f"mean difference of {worst.name} from float"
    )
    return f"{what} on {stored.judged_on}, limit {100 * stored.max_loss:g} %"


def measured_again(
    name: str, stored: StoredJudgement, integers: Model, other: Model, limits: Array
) -> Check:
    """The difference of integers and float on the recorded steps, against that at export.

    Args:
        name: of the check.
        stored: judgement of the integers.
        integers: their model.
        other: a float model of the same spec.
        limits: `[O]` what two float32 engines may differ by.
    """
    x = repeated(integers.golden.x)
    y, expected = (
        step_through(model.engine, model.spec, x) for model in (integers, other)
    )
    means = mean_differences(y, expected)
    again = np.array(stored.again)
    ulps = PARITY_ULPS * np.spacing(np.abs(expected).max(axis=0).astype(np.float32))
    limits = limits + ulps + np.array(stored.again_limit)
    off = np.abs(means - again)
    off[~np.isfinite(off)] = np.inf
    worst = int(np.argmax(off / limits))
    detail = (
        f"output {integers.spec.outputs[worst].name} on {len(x):,} recorded steps; at "
        f"export {again[worst]:.2e}"
    )
    if stored.float_digest != other.digest:
        detail += (
            f", of the float model {stored.float_digest[:12]}, not {other.digest[:12]}"
        )
    label = " + ".join(model.name for model in (other, integers))
    figures = float(means[worst]), float(again[worst] + limits[worst])
    is_within = outcome(bool(np.isfinite(off).all() and (off <= limits).all()))
    return Check(label, name, is_within, *figures, detail)
