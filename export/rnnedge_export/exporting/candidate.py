"""An artifact under its temporary name, until it is proved and published."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, ParityError
from rnnedge_runtime.formats.files import take_place
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, weight_shapes
from rnnedge_runtime.streams.model import Model

from ..compare.parity import Parity
from ..compare.runs import first_difference, step_through
from ..formats.registry import Format
from ..verifying.evidence import Evidence
from ..verifying.file_checks import golden_steps
from .request import ExportRequest
from .variant import Variant

if TYPE_CHECKING:
    from ..boards.measuring import Measurement


@dataclass(frozen=True, slots=True)
class Candidate:
    """Its files are in a temporary folder, under their own names.

    Attributes:
        format: what it is.
        final: where it goes.
    """

    format: Format
    final: Path

    @property
    def temporary(self) -> Path:
        """The folder, beside the places that its files go to."""
        return self.final.with_name(f".{os.getpid()}.{self.final.name}")

    @property
    def artifact(self) -> Path:
        """The file that is loaded."""
        return self.temporary / self.final.name

    def write(self, variant: Variant, request: ExportRequest) -> Measurement | None:
        """Write all files; what a C source costs on the board that was asked for.

        Raises:
            SpecError: the model cannot be expressed in this format.
            BudgetError: it does not fit the board.
            MissingDependencyError: what writes the format is not installed.
            FormatError: a file it is to become is a folder.
        """
        self.discard()  # what an export that was killed left under the same process id
        self.temporary.mkdir()
        options: dict[str, Any] = {}
        measurement = None
        if request.fit is not None and "figures" in self.format.options:
            from ..boards.budget import check_fit, costs_on, figures_of
            from ..formats.c.generating import generate_source

            fit, metadata = request.fit, variant.metadata
            source = generate_source(metadata, variant.parameters, self.final.stem)
            measurement = costs_on(fit.board, source, metadata)
            name = self.final.name
            check_fit(fit, name, measurement, metadata.spec, metadata.numerics)
            options["figures"] = [figures_of(fit.board, measurement)]
        if "simd" in self.format.options:
            options["simd"] = request.simd
        self.format.write(variant, self.artifact, **options)
        self._check_targets()
        return measurement

    def prove(self, variant: Variant) -> Proof:
        """Load the artifact and stream it through the recorded inputs.

        Raises:
            ParityError: the file holds another weight than the model, bit for bit, or a
                compiled one gives other bytes than its arithmetic.
        """
        kind, path, original = self.format, self.artifact, variant.original
        _, missing = kind.find_tool()
        model = kind.compute(path) if missing else kind.load(path, kind.backend)
        y = step_through(model.engine, model.spec, variant.recording.x)
        parity = variant.compare(y, None if kind.is_compiled else model.engine)
        if not (original.spec.is_opaque or variant.quantisation):
            found = changed_weight(kind, path, original.spec, original.weights)
            if found:
                raise ParityError(
                    f"export to {kind.title}: {found}. The artifact was not written. Report "
                    "it with the model."
                )
        if missing:
            name = self.final.name
            missing = (
                f"{name}: {missing}: only the weights were checked. Run `rnnedge verify "
                f"{name}` where there is one."
            )
        elif kind.is_compiled:
            step = first_difference(y, variant.defined_y)
            if step is not None:
                raise ParityError(
                    f"export to {kind.title}: what was compiled gives other bytes than "
                    f"{variant.metadata.numerics} at step {step}. The artifact was not "
                    "written. Look at the compiler, and at the flags in CC: none may change "
                    "the arithmetic."
                )
        return Proof(self, model, parity, missing)

    def publish(self) -> Path:
        """Give the files their names, replacing older ones; that of the artifact.

        Raises:
            FormatError: one of the names is that of a folder; nothing is replaced then.
            OSError: with the name that could not be given.
        """
        self._check_targets()
        for path, target in self._moves():
            try:
                take_place(path, target)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(target)) from None
        return self.final

    def discard(self) -> None:
        """Remove what is left under temporary names."""
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _moves(self) -> list[tuple[Path, Path]]:
        """Every temporary file and the name it is to get."""
        paths = sorted(self.temporary.iterdir())
        return [(path, self.final.with_name(path.name)) for path in paths]

    def _check_targets(self) -> None:
        for _, target in self._moves():
            if target.is_dir():
                raise FormatError(
                    f"export: '{target}' is a folder, expected a file or nothing. Move it "
                    "away, or name another place with out= (`--out`) or name= (`--name`)."
                )


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
