"""One artifact of an export: written under a temporary name, proved, then published."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

import rnnedge_runtime
from rnnedge_runtime.errors import FormatError, ParityError, SpecError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.state_rules import StateRules

from ..boards.costs import (
    Fit,
    check_fit,
    costs_on,
    figures_of,
)
from ..boards.measuring import Measurement
from ..capture.original import Subject
from ..compare.parity import Parity, compare, parity_error, step_through
from ..compare.step_proof import StepParity
from ..compare.verification_stream import Inputs
from ..formats.c.generating import generate_source
from ..formats.c.literals import c_identifier
from ..formats.c.loading import load_c
from ..formats.c.running import BACKEND, no_compiler
from ..formats.onnx.graph import build_onnx
from ..formats.onnx.opaque_graph import build_foreign_onnx
from ..formats.read_back import changed_weight
from ..formats.rnne.writing import build_rnne, first_difference, quick_engine
from ..formats.torchscript import save_torchscript
from ..formats.wasm.building import IDENTIFIER, build_wasm, javascript, javascript_name
from ..formats.wasm.loading import load_wasm
from ..formats.wasm.running import BACKEND as WASM_BACKEND
from ..formats.wasm.running import NO_NODE, has_node
from ..module.script_step import scriptable_step
from ..probing.recording import Recording
from ..quantise.report import QuantisationReport
from ..torch_model.sequence_model import SequenceModel
from ..verifying.verify import check_golden

FORMATS = {
    "onnx": ".onnx",
    "torchscript": ".pt",
    "rnne": ".rnne",
    "c": ".c",
    "wasm": ".wasm",
}
_TITLES = {
    "onnx": "ONNX",
    "torchscript": "TorchScript",
    "rnne": ".rnne",
    "c": "C",
    "wasm": "WebAssembly",
}
_FOLDERS = ("c", "wasm")
_BACKENDS = {"onnx": "onnx", "torchscript": "torchscript", "rnne": None}


@dataclass(frozen=True, slots=True)
class ArtifactReport:
    """One artifact and its proof.

    Attributes:
        format: `onnx`, `torchscript`, `rnne`, `c` or `wasm`.
        path: the file; of a C source `NAME.c`, of WebAssembly `NAME.wasm`.
        nbytes: its size.
        parity: its differences from PyTorch over the verification stream.
        measurement: what a C source costs on the board asked for, else None.
        quantisation: what integers cost, None of a float artifact. Its `parity` has no
            limit then.
    """

    format: str
    path: Path
    nbytes: int
    parity: Parity
    measurement: Measurement | None = None
    quantisation: QuantisationReport | None = None

    @property
    def max_error(self) -> float:
        """Largest difference from PyTorch, in the unit of the output."""
        return self.parity.max_error

    @property
    def limit(self) -> float:
        """What the largest difference may be."""
        return self.parity.limit


class Draft:
    """An artifact under a temporary name until it is proved.

    C and WebAssembly are several files: they are in a temporary folder, under their own
    names.
    """

    def __init__(
        self,
        format_name: str,
        folder: Path,
        name: str,
        fit: Fit | None = None,
        *,
        simd: bool = True,
    ) -> None:
        check_name(name)
        suffix = FORMATS[format_name]
        is_c = format_name == "c"
        self.format = format_name
        self.final = folder / f"{c_identifier(name) if is_c else name}{suffix}"
        self.temporary = folder / f".{os.getpid()}.{name}{suffix}"
        self.is_folder = format_name in _FOLDERS
        self.artifact = (
            self.temporary / self.final.name if self.is_folder else self.temporary
        )
        self.simd = simd
        self.is_written = False
        self.parity: Parity | None = None
        self.model: Model | None = None
        self.fit = fit
        self.measurement: Measurement | None = None
        self.quantisation: QuantisationReport | None = None

    def write(self, subject: Subject, recording: Recording, *, is_only: bool) -> str:
        """Write the temporary file; a note instead where only this format cannot be.

        Raises:
            FormatError: the file it is to become is a folder.
        """
        metadata, parameters = self.describe(subject, recording)
        try:
            if self.format == "onnx":
                self.temporary.write_bytes(_onnx(subject, metadata))
            elif self.format == "rnne":
                _check_is_chain(subject)
                self.temporary.write_bytes(build_rnne(metadata, parameters))
            elif self.format == "c":
                self.write_c(metadata, parameters)
            elif self.format == "wasm":
                self.write_wasm(metadata, parameters)
            else:
                save_torchscript(_scriptable(subject), metadata, self.temporary)
        except SpecError as error:
            if is_only or self.format == "onnx":
                raise
            return str(error)
        self._check_targets()
        self.is_written = True
        return ""

    def describe(
        self, subject: Subject, recording: Recording
    ) -> tuple[Metadata, Parameters]:
        """What the artifact says of itself, and what it computes with."""
        metadata = Metadata(
            spec=subject.spec,
            digest=subject.digest,
            numerics=NUMERICS,
            golden=recording.golden,
            producer=f"rnnedge {rnnedge_runtime.__version__}",
            limits=recording.stored_limits,
        )
        return metadata, subject.weights

    def write_c(self, metadata: Metadata, parameters: Parameters) -> None:
        """Write the source; where a board was asked for, with its costs at the top.

        Raises:
            BudgetError: the model does not fit the board.
        """
        self.temporary.mkdir()
        name = self.final.stem
        source = generate_source(metadata, parameters, name)
        source.write(self.temporary)
        if self.fit is None:
            return
        board = self.fit.board
        self.measurement = costs_on(board, source, metadata)
        check_fit(self.fit, self.final.name, self.measurement, metadata)
        figures = [figures_of(board, self.measurement)]
        source = generate_source(metadata, parameters, name, figures=figures)
        source.write(self.temporary)

    def write_wasm(self, metadata: Metadata, parameters: Parameters) -> None:
        """Write the module and its JavaScript.

        Raises:
            MissingDependencyError: clang or its linker is not installed.
        """
        source = generate_source(metadata, parameters, IDENTIFIER)
        name = self.final.name
        states = StateRules(parameters)
        content = build_wasm(source, metadata, name, states=states, simd=self.simd)
        self.temporary.mkdir()
        self.artifact.write_bytes(content)
        (self.temporary / javascript_name(name)).write_text(
            javascript(name), encoding="utf-8", newline="\n"
        )

    def prove(self, subject: Subject, recording: Recording) -> str:
        """Load the artifact by its own backend and stream it beside the recording.

        Returns:
            A note on what could not be checked here, "" when all was.

        Raises:
            ParityError: a C source or WebAssembly gives other bytes than the reference of
                its arithmetic.
        """
        self.model = model = self.load()
        y = step_through(model.engine, model.spec, recording.x)
        _, parameters = self.describe(subject, recording)
        self.parity = compare(
            y,
            recording.y,
            model.spec,
            recording.limits,
            float32_errors=recording.float32_errors,
            steps=self.judge_steps(model, parameters, recording),
        )
        if not recording.is_bounded:
            self.parity = replace(self.parity, limit=math.inf)
        self.check_weights(subject)
        return self.check_bytes(model, parameters, recording.x, y)

    def judge_steps(
        self, model: Model, parameters: Parameters, recording: Recording
    ) -> StepParity | None:
        """Single steps; what was compiled is known to give the bytes of its arithmetic."""
        engine = model.engine
        if self.is_folder:
            engine = quick_engine(model.metadata, parameters)
        return recording.judge_steps(engine)

    def check_weights(self, subject: Subject) -> None:
        """Raise ParityError when a weight in the file is not the model's, bit for bit."""
        if subject.spec.is_opaque:
            return
        found = changed_weight(self.artifact, subject.spec, subject.weights)
        if found:
            raise ParityError(
                f"export to {_TITLES[self.format]}: {found}. The artifact was not "
                "written. Report it with the model."
            )

    def load(self) -> Model:
        """The artifact by its own backend."""
        if self.format == "c":
            return load_c(self.artifact)
        if self.format == "wasm":
            return load_wasm(self.artifact, is_run=has_node())
        return rnnedge_runtime.load(self.artifact, _BACKENDS[self.format])

    def check_bytes(
        self, model: Model, parameters: Parameters, x: Inputs, y: NDArray[np.floating]
    ) -> str:
        """Compare what was compiled with the reference of its arithmetic, byte for byte.

        Returns:
            A note where it could not be run here; "" when it was, or is not compiled.

        Raises:
            ParityError: a byte differs.
        """
        if not self.is_folder:
            return ""
        title = _TITLES[self.format]
        if model.backend not in (BACKEND, WASM_BACKEND):
            absent = no_compiler() if self.format == "c" else NO_NODE
            return (
                f"{self.final.name}: {absent}, so its weights were proved in "
                f"NumPy, and that the {title} gives the same bytes was not checked. Run "
                "`rnnedge verify` on it where there is one."
            )
        step = first_difference(model.spec, parameters, x, y)
        if step is not None:
            raise ParityError(
                f"export to {title}: what was compiled gives other bytes than "
                f"{model.metadata.numerics} at step {step}. The artifact was not written. "
                "Look at the compiler, and at the flags in CC: none may change the "
                "arithmetic."
            )
        return ""

    def discard(self) -> None:
        """Remove what is left under temporary names."""
        if self.temporary.is_dir():
            shutil.rmtree(self.temporary, ignore_errors=True)
        else:
            self.temporary.unlink(missing_ok=True)

    def check(self, report: str | os.PathLike[str] | None) -> None:
        """Raise ParityError when the proof failed."""
        parity = self.parity
        assert parity is not None
        if parity.is_within:
            return
        raise parity_error(f"export to {_TITLES[self.format]}", parity, report)

    def check_golden(self, drafts: Sequence[Draft]) -> None:
        """Raise ParityError when `rnnedge verify` would find the golden steps changed."""
        models = [draft.model for draft in drafts if draft.model is not None]
        assert self.model is not None
        check = check_golden(self.model, [m for m in models if m is not self.model])
        if check.outcome == "failed":
            raise ParityError(
                f"export to {_TITLES[self.format]}: the {check.name} differ by "
                f"{check.figure:.1e} {check.detail} (limit {check.limit:.1e}). The "
                "artifact was not written. Check that forward depends on its arguments "
                "alone."
            )

    def publish(self) -> ArtifactReport:
        """Give the files their names, replacing older ones.

        Raises:
            FormatError: one of the names is that of a folder; nothing is replaced then.
            OSError: with the name that could not be given.
        """
        assert self.parity is not None
        self._check_targets()
        for path, target in self._moves():
            try:
                path.replace(target)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(target)) from None
        nbytes = self.final.stat().st_size
        return ArtifactReport(
            self.format,
            self.final,
            nbytes,
            self.parity,
            self.measurement,
            self.quantisation,
        )

    def _moves(self) -> list[tuple[Path, Path]]:
        """Every temporary file and the name it is to get."""
        if not self.is_folder:
            return [(self.temporary, self.final)]
        paths = sorted(self.temporary.iterdir())
        return [(path, self.final.with_name(path.name)) for path in paths]

    def _check_targets(self) -> None:
        for _, target in self._moves():
            if target.is_dir():
                raise FormatError(
                    f"export: '{target}' is a folder, expected a file or nothing. Move it "
                    "away, or name another place with out= (`--out`) or name= (`--name`)."
                )


def check_name(name: str) -> None:
    """Raise SpecError for `.`, `..` and what else is dots alone."""
    if not name.strip("."):
        raise SpecError(
            f"export: the name '{name}' is not a plain file name. "
            "Name the folder with out= and the file without ending with name=."
        )


def _onnx(subject: Subject, metadata: Metadata) -> bytes:
    if subject.user is not None and subject.spec.is_opaque:
        return build_foreign_onnx(subject.user, metadata)
    return build_onnx(metadata, subject.weights)


def _check_is_chain(subject: Subject) -> None:
    if subject.spec.is_opaque:
        raise SpecError(
            f"export to .rnne: {type(subject.module).__name__} is not a chain of layers: "
            f"{subject.reason}. Export it to ONNX, or build it of the layers rnnedge knows."
        )


def _scriptable(subject: Subject) -> nn.Module:
    if subject.user is not None and subject.spec.is_opaque:
        return scriptable_step(subject.user)
    module = SequenceModel(subject.spec).eval()
    module.load_weights(subject.weights)
    return module
