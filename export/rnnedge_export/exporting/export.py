"""`export`: a model to artifacts, each with the proof that it is the same model."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

from ..boards.costs import find_fit
from ..capture.original import Subject, read_subject
from ..compare.parity import Parity
from ..compare.verification_stream import check_tokens, verification_stream
from ..module.returned import Choice
from ..probing.looking_back import check_windows
from ..probing.missing_values import with_missing_passed
from ..probing.recording import Recording, record
from ..probing.token_inputs import token_inputs
from ..quantise.report import measure_quantisation
from ..quantise.request import Int8Data, read_request
from ..tools.threads import torch_threads
from .candidate import FORMATS, ArtifactReport, Draft
from .int8_candidate import IntegerDraft


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        spec: the model as its artifacts describe it.
        digest: SHA-256 (hex) of the model, the same in every float artifact.
        artifacts: what was written, in the order asked for.
        notes: sentences the user should read; () when there is nothing to say.
    """

    spec: ModelSpec
    digest: str
    artifacts: tuple[ArtifactReport, ...]
    notes: tuple[str, ...]


@torch_threads(1)
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
            limit. The rise of its error on the test part has one or, where it is not known
            what came, its mean difference from float on the last 30 % of `stream`.
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
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    folder = Path(out)
    _check_request(formats, name, folder)
    request = None
    if not int8 and (keep_float != () or max_loss is not None or data is not None):
        raise SpecError(
            "export: keep_float, max_loss or data was given without int8, which they belong "
            "to. Add int8=True (`--int8`), or leave them out."
        )
    if not simd and "wasm" not in formats:
        raise SpecError(
            "export: simd=False (`--no-simd`) was given without the format wasm, which alone "
            "has SIMD to leave out. Add the format wasm, or leave it out."
        )
    if int8:
        layers = (keep_float,) if isinstance(keep_float, str | int) else keep_float
        request = read_request(formats, layers, max_loss, data, stream)
    fit = find_fit(board, flash, ram)
    if fit is not None and "c" not in formats:
        raise SpecError(
            f"export: the board {fit.board.name} was named, but no C source asked for, and "
            "only that runs there. Add the format c."
        )
    subject = read_subject(
        model,
        example=example,
        features=features,
        targets=targets,
        outputs=outputs,
        state=state,
    )
    subject, nan_note = with_missing_passed(subject, features)
    tokens = token_inputs(subject) if stream is None else {}
    inputs = verification_stream(subject.spec, subject.weights, stream, tokens)
    if stream is not None and subject.user is not None:
        check_tokens(subject.spec, stream)
    request = request.settled(subject) if request else None
    quantised = request.quantise(subject) if request else None
    recording = record(subject, inputs, has_limit=not int8)
    notes = _notes(subject, recording) + (request.notes if request else [])
    window_note = check_windows(subject, recording, single_steps=single_steps)
    notes += warned(window_note, nan_note)
    make_draft: Callable[[str], Draft] = partial(
        Draft, folder=folder, name=name, fit=fit, simd=simd
    )
    if request is not None and quantised is not None:
        metadata, _ = make_draft("rnne").describe(subject, recording)
        make_draft = partial(
            IntegerDraft,
            folder=folder,
            name=name,
            fit=fit,
            simd=simd,
            quantised=quantised,
            quantisation=measure_quantisation(
                request, quantised, metadata, subject.weights, recording.x, recording
            ),
        )
    drafts: list[Draft] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for format_name in dict.fromkeys(formats):
            draft = make_draft(format_name)
            drafts.append(draft)
            note = draft.write(subject, recording, is_only=len(set(formats)) == 1)
            notes += [note] if note else []
        drafts = [draft for draft in drafts if draft.is_written]
        for draft in drafts:
            note = draft.prove(subject, recording)
            notes += [note] if note else []
        if report is not None:
            _write_report(Path(report), subject, drafts)
        for draft in drafts:
            draft.check(report)
        for draft in drafts:
            draft.check_golden(drafts)
        artifacts = tuple(draft.publish() for draft in drafts)
    except OSError as error:
        raise FormatError(
            f"export: cannot write '{error.filename}': {error.strerror}. "
            "Name another place with out= (`--out`) or report= (`--report`)."
        ) from None
    finally:
        for draft in drafts:
            draft.discard()
    return ExportReport(subject.spec, subject.digest, artifacts, tuple(notes))


def warned(*notes: str) -> list[str]:
    """Those that say something, each shown as a warning: they change what numbers mean."""
    said = [note for note in notes if note]
    for note in said:
        warnings.warn(f"export: {note}", stacklevel=4)
    return said


def _check_request(formats: Sequence[str], name: str, folder: Path) -> None:
    unknown = [item for item in formats if item not in FORMATS]
    if unknown or not formats:
        raise SpecError(
            f"export: format '{unknown[0] if unknown else ''}' is unknown, expected "
            f"{', '.join(FORMATS)}. Name one or more of them."
        )
    if not name or Path(name).name != name:
        raise SpecError(
            f"export: the name '{name}' is not a plain file name. "
            "Name the folder with out= and the file without ending with name=."
        )
    if folder.is_file():
        raise FormatError(
            f"export: '{folder}' is a file, expected a folder. Name the folder with out= "
            "(`--out`), and the file without ending with name= (`--name`)."
        )


def _notes(subject: Subject, recording: Recording) -> list[str]:
    notes = list(subject.user.notes) if subject.user else []
    if subject.reason:
        notes.append(
            f"{_name_of(subject)} is not a chain of layers: {subject.reason}. "
            "Its artifacts run one step of one stream at a time, on the backends onnx and "
            "torchscript only."
        )
    if not recording.is_bounded:
        notes.append(
            f"{type(subject.module).__name__} amplifies rounding until it fills the "
            "state, so that two runs part whatever computes them. The proof is that of "
            "single steps; the carried outputs have no limit."
        )
    return notes


def _name_of(subject: Subject) -> str:
    return subject.user.name if subject.user else type(subject.module).__name__


def _write_report(path: Path, subject: Subject, drafts: Sequence[Draft]) -> None:
    content = {
        "digest": subject.digest,
        "artifacts": [
            {
                "format": draft.format,
                **_parity_content(draft.parity),
                "int8": draft.quantisation and draft.quantisation.content(),
            }
            for draft in drafts
        ],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _parity_content(parity: Parity | None) -> dict[str, Any]:
    if parity is None:
        return {}
    content = {name: getattr(parity, name) for name in Parity.__slots__}
    if not math.isfinite(parity.limit):
        content["limit"] = None
    steps = parity.steps and dataclasses.asdict(parity.steps)
    return {**content, "errors": parity.errors.tolist(), "steps": steps}
