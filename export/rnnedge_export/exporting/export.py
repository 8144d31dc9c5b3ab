"""`export`: a model to artifacts, each with the proof that it is the same model."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

from ..capture.original import Original, read_original
from ..compare.parity import Parity
from ..compare.verification_stream import Inputs, check_tokens, verification_stream
from ..probing.program_recording import judged_by
from ..probing.recording import DivergedError, Recording, record
from ..tools.threads import torch_threads
from .candidate import Candidate, Proof, judge
from .request import ExportRequest
from .variant import Variant, float_variant, int8_variant

if TYPE_CHECKING:
    from torch import nn

    from ..boards.measuring import Measurement
    from ..capture.report import CaptureReport
    from ..compare.program import Program
    from ..module.returned import Choice
    from ..quantise.report import QuantisationReport
    from ..quantise.request import Int8Data


@dataclass(frozen=True, slots=True)
class ArtifactReport:
    """One artifact and its proof.

    Attributes:
        format: `onnx`, `torchscript`, `rnne`, `c` or `wasm`.
        path: the file; of a C source `NAME.c`, of WebAssembly `NAME.wasm`.
        nbytes: its size in bytes.
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
        """What the largest difference may be, in the same unit."""
        return self.parity.limit


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        spec: the model as its artifacts describe it.
        digest: SHA-256 (hex) of the model, the same in every float artifact.
        artifacts: what was written, in the order asked for.
        notes: sentences the user should read; () when there is nothing to say.
        capture: what became of a user's module, part by part; None of a SequenceModel.
    """

    spec: ModelSpec
    digest: str
    artifacts: tuple[ArtifactReport, ...]
    notes: tuple[str, ...]
    capture: CaptureReport | None = None


def export(
    model: nn.Module,
    *,
    formats: str | Sequence[str] = ("onnx",),
    out: str | os.PathLike[str] = ".",
    name: str = "model",
    example: Sequence[Any] | Mapping[str, Any] | None = None,
    features: str | Feature | Sequence[str | Feature] | None = None,
    targets: str | Target | Sequence[str | Target] | None = None,
    stream: NDArray[Any] | None = None,
    report: str | os.PathLike[str] | None = None,
    int8: bool = False,
    keep_float: str | int | Sequence[str | int] = (),
    max_loss: float | None = None,
    data: Int8Data | None = None,
    board: str | None = None,
    flash: str | None = None,
    ram: str | None = None,
    simd: bool = True,
    single_steps: bool = False,
    outputs: Choice = None,
    state: Choice = None,
    rows_per_step: int | None = None,
) -> ExportReport:
    """Write `<out>/<name>.onnx`, `.pt`, `.rnne`, `.c`, `.wasm`, proved against the module.

    Each artifact is loaded by its own backend and streamed for 10,000 carried steps beside
    a copy of the module in evaluation mode before it gets its name; when one fails, none
    is written, and older files of these names stay as they were.

    Args:
        model: a SequenceModel, or any module with `forward(x, state: List[Tensor])` or
            `forward(x, *state)` that returns `(y, state...)`, `x` `[B, T, I]`.
        formats: some of `onnx`, `torchscript`, `rnne`, `c`, `wasm`.
        out: folder, made when absent.
        name: file name without ending; of C sources the identifier made of it.
        example: `(x, state...)` for a user's own module, or the arguments of its forward
            by name; the state is that of a new stream.
        features: names of the inputs of a user's module; `x_0`, ... by default.
        targets: names of its outputs; `y_0`, ... by default. Fewer targets than outputs
            means several steps ahead of each.
        stream: `[T, I]` model inputs to prove the export on; drawn when not given.
        report: file to write the difference at every step to, as JSON, also when the proof
            fails.
        int8: write `<name>-int8.rnne`, `.wasm` in integers instead; other formats are an
            error that gives the reason. Its difference from PyTorch at any one step has no
            limit. The rise of its error on the test part has one or, without actual values,
            its mean difference from float on the last 30 % of `stream`.
        keep_float: of int8, layers to compute in float, by position or by kind.
        max_loss: of int8, part by which the mean absolute error of an output may rise
            (None: `tolerances.MAX_LOSS`) or, without `data`, what its mean difference from
            float may be, as a part of its standard deviation (`tolerances.MAX_DIFFERENCE`).
        data: of int8, training and test part; None: the first 70 % of `stream` set the
            scales, and the rest is judged on.
        board: board that the C source must fit (`rnnedge devices`); what it costs there is
            in the report and at the top of the header.
        flash: what it may use of it, for example `64k`; None: the board's.
        ram: the same for state and stack.
        simd: whether WebAssembly may use SIMD; False for browsers older than 2021, Safari
            older than 16.4 (2023). The bytes are the same.
        single_steps: take what a user's module gives step by step for the truth, though on
            a window it gives other numbers; without, such a module is refused.
        outputs: of a user's module, what it returns as outputs: a position, a key, a path
            such as `1.h`, or several; put side by side. Found where it is not given.
        state: the same for the new state, in the order in which the state goes in.
        rows_per_step: rows that one step of a user's module takes, where it strides over
            time; found by calling it on the example's window where it is not given.
            `features` are then those of one row, and `stream` may be `[T, F]` rows.

    Raises:
        SpecError: an unknown format, a module that cannot stream or be expressed.
        ShapeError: `example` or `stream` has another shape.
        ParityError: an artifact differs from PyTorch by more than the limit, or the error
            of integers rises by more than theirs.
        BudgetError: the model does not fit the board; the message says what would.
        FormatError: a file cannot be written.
        MissingDependencyError: a package of the `train` extra is not installed, or for
            WebAssembly clang and its linker.
    """
    options = locals()
    del options["model"]
    return export_model(model, ExportRequest(**options))


@torch_threads(1)
def export_model(
    model: nn.Module, request: ExportRequest, program: Program | None = None
) -> ExportReport:
    """`export` with its options as one value.

    Args:
        model: what to export.
        request: the options.
        program: runs the file that `model` was read from, and is the judge then.

    Raises:
        ParityError: as `export`; PyTorch differs from `program` beyond the limit.
    """
    original = read_original(
        model,
        example=request.example,
        features=request.features,
        targets=request.targets,
        outputs=request.outputs,
        state=request.state,
        rows_per_step=request.rows_per_step,
    )
    if request.stream is not None:
        request = replace(request, stream=_in_frames(request.stream, original.spec))
    nan_note, tokens = "", {}
    if original.user is not None:
        from ..probing.own_inputs import token_inputs, with_missing_passed

        original, nan_note = with_missing_passed(original, request.features)
        tokens = token_inputs(original) if request.stream is None else {}
    x = verification_stream(original.spec, original.weights, request.stream, tokens)
    if request.stream is not None and original.user is not None:
        check_tokens(original.spec, request.stream)
    integers = request.integers and request.integers.settled(original)
    quantised = integers.quantise(original) if integers else None
    recording = _recorded(original, x, request)
    if program is not None:
        recording = judged_by(recording, program, request.name or "model")
    notes = _notes(original, recording) + (integers.notes if integers else [])
    if original.user is not None:
        from ..probing.looking_back import check_windows

        single_steps = request.single_steps
        window_note = check_windows(original, recording, single_steps=single_steps)
        for note in filter(None, (window_note, nan_note)):
            notes.append(note)
            warnings.warn(f"export: {note}", stacklevel=4)
    variant = float_variant(original, recording)
    if integers and quantised:
        variant = int8_variant(variant, integers, quantised)
    name = f"{request.name or 'model'}{variant.suffix}"
    candidates = [
        Candidate(kind, request.folder / f"{kind.stem(name)}{kind.suffix}")
        for kind in request.asked_formats
    ]
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
        written, refusals = _written(candidates, variant, request)
        proofs = [candidate.prove(variant) for candidate in written]
        if request.report is not None:
            _write_report(Path(request.report), variant, proofs)
        judge(proofs, variant, request.report)
        artifacts = []
        for proof in proofs:
            item, quantisation = proof.candidate, variant.quantisation
            path, measured = item.publish(), written[item]
            found = path.stat().st_size, proof.parity, measured, quantisation
            artifacts.append(ArtifactReport(item.format.name, path, *found))
    except OSError as error:
        raise FormatError(
            f"export: cannot write '{error.filename}': {error.strerror}. "
            "Name another place with out= (`--out`) or report= (`--report`)."
        ) from None
    finally:
        for candidate in candidates:
            candidate.discard()
    notes += refusals + [proof.note for proof in proofs if proof.note]
    written_ones = tuple(artifacts)
    return ExportReport(
        original.spec, original.digest, written_ones, tuple(notes), original.report
    )


def _in_frames(stream: NDArray[Any], spec: ModelSpec) -> NDArray[Any]:
    """Rows `[T, F]` as frames, of a model that takes such; any other stream as it is."""
    num_rows, shape = spec.rows_per_step, np.shape(stream)
    if num_rows == 1 or len(shape) != 2 or num_rows * shape[1] != spec.input_size:
        return stream
    num_frames = shape[0] // num_rows
    return np.asarray(stream)[: num_frames * num_rows].reshape(num_frames, -1)


def _recorded(original: Original, x: Inputs, request: ExportRequest) -> Recording:
    """What the original does on `x`, or where it diverges on what was drawn, on less.

    A flag that resets the state, or a gate that is an input, is between 0 and 1.
    """
    try:
        return record(original, x, has_limit=not request.int8)
    except DivergedError:
        if request.stream is not None or original.user is None:
            raise
        between = (1 / (1 + np.exp(-x))).astype(np.float32)
        return record(original, between, has_limit=not request.int8)


def _notes(original: Original, recording: Recording) -> list[str]:
    user = original.user
    notes = list(user.notes) if user else []
    name = type(original.module).__name__
    if original.reason:
        notes.append(
            f"{user.name if user else name} is not a chain of layers: {original.reason}. "
            "Its artifacts run one step of one stream at a time, on the backends onnx and "
            "torchscript only."
        )
    if not recording.is_bounded:
        notes.append(
            f"{name} amplifies rounding until it fills the state, so that two runs part "
            "whatever computes them. The proof is that of single steps; the carried "
            "outputs have no limit."
        )
    return notes


def _written(
    candidates: Sequence[Candidate], variant: Variant, request: ExportRequest
) -> tuple[dict[Candidate, Measurement | None], list[str]]:
    """What could be written, with its costs on a board, and why the rest could not be."""
    written, refusals = {}, []
    for candidate in candidates:
        try:
            written[candidate] = candidate.write(variant, request)
        except SpecError as error:
            if len(candidates) == 1 or candidate.format.takes_all:
                raise
            refusals.append(str(error))
    return written, refusals


def _write_report(path: Path, variant: Variant, proofs: Sequence[Proof]) -> None:
    artifacts = []
    for proof in proofs:
        parity = proof.parity
        content = {name: getattr(parity, name) for name in Parity.__slots__}
        content["limit"] = parity.limit if math.isfinite(parity.limit) else None
        content["errors"] = parity.errors.tolist()
        content["steps"] = parity.steps and dataclasses.asdict(parity.steps)
        content["int8"] = variant.quantisation and variant.quantisation.content()
        artifacts.append({"format": proof.candidate.format.name, **content})
    report = {"digest": variant.original.digest, "artifacts": artifacts}
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
