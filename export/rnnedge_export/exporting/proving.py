"""The proof of one artifact: what was written is loaded and streamed beside PyTorch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, ParityError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, weight_shapes
from rnnedge_runtime.streams.model import Model

from ..compare.parity import Parity
from ..compare.runs import Array, first_difference, step_through
from ..formats.registry import Format
from ..verifying.evidence import Evidence
from ..verifying.file_checks import golden_steps
from .candidate import Candidate
from .variant import Variant


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found of one candidate.

    Attributes:
        candidate: the artifact.
        model: it, loaded by its own backend, or computed where that is not here.
        parity: its differences from PyTorch.
        note: what could not be checked here, "" when all was.
    """

    candidate: Candidate
    model: Model
    parity: Parity
    note: str = ""


def prove(candidate: Candidate, variant: Variant) -> Proof:
    """Load the artifact and stream it through the recorded inputs.

    Raises:
        ParityError: the file holds another weight than the model, bit for bit, or a
            compiled one gives other bytes than its arithmetic.
    """
    kind, path = candidate.format, candidate.artifact
    _, missing = kind.find_tool()
    model = kind.compute(path) if missing else kind.load(path, kind.backend)
    y = step_through(model.engine, model.spec, variant.recording.x)
    parity = variant.compare(y, None if kind.is_compiled else model.engine)
    if not (variant.original.spec.is_opaque or variant.quantisation):
        found = changed_weight(
            kind, path, variant.original.spec, variant.original.weights
        )
        if found:
            raise ParityError(
                f"export to {kind.title}: {found}. The artifact was not written. Report it "
                "with the model."
            )
    name = candidate.final.name
    if missing:
        missing = (
            f"{name}: {missing}: only the weights were checked. Run `rnnedge verify "
            f"{name}` where there is one."
        )
    elif kind.is_compiled:
        _check_bytes(kind.title, variant, y)
    return Proof(candidate, model, parity, missing)


def _check_bytes(title: str, variant: Variant, y: Array) -> None:
    step = first_difference(y, variant.defined_y)
    if step is not None:
        raise ParityError(
            f"export to {title}: what was compiled gives other bytes than "
            f"{variant.metadata.numerics} at step {step}. The artifact was not written. "
            "Look at the compiler, and at the flags in CC: none may change the arithmetic."
        )


def changed_weight(kind: Format, path: Path, spec: ModelSpec, weights: Weights) -> str:
    """The first weight in a file that is not the model's, bit by bit; "" where all are."""
    try:
        _, written = kind.read(path)
    except FormatError as error:
        return str(error)
    if isinstance(written, QuantisedModel):
        return ""
    for name in weight_shapes(spec):
        found, expected = written[name], weights[name]
        differs = _bits(found) != _bits(expected)
        if differs.any():
            at = np.unravel_index(int(np.argmax(differs)), differs.shape)
            place = ", ".join(map(str, at))
            return (
                f"the file holds {found[at]:.9g} as {name}[{place}], the model has "
                f"{expected[at]:.9g}"
            )
    return ""


def _bits(array: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)


def judge(
    proofs: Sequence[Proof], variant: Variant, report: str | os.PathLike[str] | None
) -> None:
    """Raise ParityError when an artifact is beyond its limits, or `verify` would say so.

    Args:
        proofs: of all artifacts of one export.
        variant: the model.
        report: the file that holds the difference at every step, or None.
    """
    for proof in proofs:
        variant.judge(proof.candidate.format.title, proof.parity, report)
    for proof in proofs:
        others = [other.model for other in proofs if other is not proof]
        (check,) = golden_steps(Evidence(proof.model, others))
        if check.outcome == "failed":
            found = check.detail
            if check.figure is not None:
                found = (
                    f"differ by {check.figure:.1e} {found} (limit {check.limit:.1e})"
                )
            raise ParityError(
                f"export to {proof.candidate.format.title}: the {check.name} {found}. The "
                "artifact was not written. Check that forward depends on its arguments "
                "alone."
            )
