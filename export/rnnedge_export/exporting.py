"""`export`: a model to artifacts, each with the proof that it is the same model."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

import rnnedge_runtime
from rnnedge_runtime.errors import FormatError, ParityError, SpecError
from rnnedge_runtime.metadata import Metadata
from rnnedge_runtime.model import Model
from rnnedge_runtime.spec import Feature, ModelSpec, Target
from rnnedge_runtime.weights import NUMERICS

from .foreign import build_foreign_onnx, scriptable_step
from .onnx_graph import build_onnx
from .parity import Parity, compare, step_through
from .proof import Recording, module_keeps_promise, record
from .rnne import build_rnne
from .sequence_model import SequenceModel
from .subject import Subject, read_subject
from .torchscript import save_torchscript
from .verification_stream import verification_stream
from .verifying import check_golden

FORMATS = {"onnx": ".onnx", "torchscript": ".pt", "rnne": ".rnne"}
_TITLES = {"onnx": "ONNX", "torchscript": "TorchScript", "rnne": ".rnne"}
_BACKENDS = {"onnx": "onnx", "torchscript": "torchscript", "rnne": None}


@dataclass(frozen=True, slots=True)
class ArtifactReport:
    """One artifact and its proof.

    Attributes:
        format: `onnx`, `torchscript` or `rnne`.
        path: the file.
        nbytes: its size.
        parity: its differences from PyTorch over the verification stream.
    """

    format: str
    path: Path
    nbytes: int
    parity: Parity

    @property
    def max_error(self) -> float:
        """Largest difference from PyTorch, in the unit of the output."""
        return self.parity.max_error

    @property
    def limit(self) -> float:
        """What the largest difference may be."""
        return self.parity.limit


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        spec: the model as its artifacts describe it.
        digest: SHA-256 (hex) of the model, the same in every artifact.
        artifacts: what was written, in the order asked for.
        notes: sentences the user should read; () when there is nothing to say.
    """

    spec: ModelSpec
    digest: str
    artifacts: tuple[ArtifactReport, ...]
    notes: tuple[str, ...]


def export(
    model: nn.Module,
    *,
    formats: str | Sequence[str] = ("onnx",),
    out: str | os.PathLike[str] = ".",
    name: str = "model",
    example: Sequence[Any] | None = None,
    features: str | Feature | Sequence[str | Feature] | None = None,
    targets: str | Target | Sequence[str | Target] | None = None,
    stream: NDArray[Any] | None = None,
    report: str | os.PathLike[str] | None = None,
    int8: bool = False,
) -> ExportReport:
    """Write `<out>/<name>.onnx`, `.pt` and `.rnne`, proved against the module.

    Each artifact is loaded by its own backend and streamed for 10,000 carried steps beside
    a copy of the module in evaluation mode before it gets its name; when one fails, none
    is written, and older files of these names stay as they were.

    Args:
        model: a SequenceModel, or any module with `forward(x, state: List[Tensor])` or
            `forward(x, *state)` that returns `(y, state...)`, `x` `[B, T, I]`.
        formats: some of `onnx`, `torchscript`, `rnne`.
        out: folder, made when absent.
        name: file name without ending.
        example: `(x, state...)` for a user's own module; the state is that of a new
            stream.
        features: names of the inputs of a user's module; `x_0`, ... by default.
        targets: names of its outputs; `y_0`, ... by default. Fewer targets than outputs
            means several steps ahead of each.
        stream: `[T, I]` model inputs to prove the export on; drawn when not given.
        report: file to write the difference at every step to, as JSON, also when the proof
            fails.
        int8: always an error for these formats; the message gives the reason.

    Raises:
        SpecError: an unknown format, a module that cannot stream or be expressed.
        ShapeError: `example` or `stream` has another shape.
        ParityError: an artifact differs from PyTorch by more than the limit.
        FormatError: a file cannot be written.
        MissingDependencyError: a package of the `train` extra is not installed.
    """
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    _check_request(formats, name, int8=int8)
    subject = read_subject(model, example=example, features=features, targets=targets)
    inputs = verification_stream(subject.spec, subject.weights, stream)
    recording = record(subject, inputs)
    notes = _notes(subject, recording)
    folder = Path(out)
    drafts: list[_Draft] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for format_name in dict.fromkeys(formats):
            draft = _Draft(format_name, folder, name)
            drafts.append(draft)
            note = draft.write(subject, recording, is_only=len(set(formats)) == 1)
            notes += [note] if note else []
        drafts = [draft for draft in drafts if draft.is_written]
        for draft in drafts:
            draft.prove(recording)
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
            draft.temporary.unlink(missing_ok=True)
    return ExportReport(subject.spec, subject.digest, artifacts, tuple(notes))


class _Draft:
    """An artifact under a temporary name until it is proved."""

    def __init__(self, format_name: str, folder: Path, name: str) -> None:
        suffix = FORMATS[format_name]
        self.format = format_name
        self.final = folder / f"{name}{suffix}"
        self.temporary = folder / f".{os.getpid()}.{name}{suffix}"
        self.is_written = False
        self.parity: Parity | None = None
        self.model: Model | None = None

    def write(self, subject: Subject, recording: Recording, *, is_only: bool) -> str:
        """Write the temporary file; a note instead where only this format cannot be."""
        metadata = Metadata(
            spec=subject.spec,
            digest=subject.digest,
            numerics=NUMERICS,
            golden=recording.golden,
            producer=f"rnnedge {rnnedge_runtime.__version__}",
        )
        try:
            if self.format == "onnx":
                self.temporary.write_bytes(_onnx(subject, metadata))
            elif self.format == "rnne":
                self.temporary.write_bytes(_rnne(subject, metadata))
            else:
                save_torchscript(_scriptable(subject), metadata, self.temporary)
        except SpecError as error:
            if is_only or self.format == "onnx":
                raise
            return str(error)
        self.is_written = True
        return ""

    def prove(self, recording: Recording) -> None:
        """Load the file by its own backend and stream it beside the recording."""
        self.model = model = rnnedge_runtime.load(
            self.temporary, _BACKENDS[self.format]
        )
        y = step_through(model.engine, model.spec, recording.x)
        self.parity = compare(y, recording.y, model.spec, recording.float32_errors)

    def check(self, report: str | os.PathLike[str] | None) -> None:
        """Raise ParityError when the proof failed."""
        parity = self.parity
        assert parity is not None
        if parity.is_within:
            return
        amplified = parity.float32_error is not None and (
            parity.float32_error > parity.limit
        )
        reason = (
            f" PyTorch itself is off by {parity.float32_error:.1e} in float32: the module "
            "amplifies rounding too much to be proved."
            if amplified
            else ""
        )
        hint = (
            f"See every step in {os.fspath(report)}."
            if report is not None
            else "Run again with --report parity.json to see every step."
        )
        raise ParityError(
            f"export to {_TITLES[self.format]}: output '{parity.output}' differs from "
            f"PyTorch by {parity.max_error:.1e} at step {parity.step} (limit "
            f"{parity.limit:.1e}).{reason} The artifact was not written. {hint}"
        )

    def check_golden(self, drafts: Sequence[_Draft]) -> None:
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
        """Give the file its name, replacing an older one."""
        assert self.parity is not None
        self.temporary.replace(self.final)
        nbytes = self.final.stat().st_size
        return ArtifactReport(self.format, self.final, nbytes, self.parity)


def _check_request(formats: Sequence[str], name: str, *, int8: bool) -> None:
    if int8:
        raise SpecError(
            "export: int8 was asked for, but the artifacts hold float32 only: ONNX "
            "Runtime's quantiser leaves GRU and RNN layers in float and does not say so. "
            "Leave out --int8."
        )
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


def _onnx(subject: Subject, metadata: Metadata) -> bytes:
    if subject.spec.is_opaque:
        return build_foreign_onnx(subject, metadata)
    return build_onnx(metadata, subject.weights)


def _rnne(subject: Subject, metadata: Metadata) -> bytes:
    if subject.spec.is_opaque:
        raise SpecError(
            f"export to .rnne: {type(subject.module).__name__} is not a chain of layers: "
            f"{subject.reason}. Export it to ONNX, or build it of the layers rnnedge knows."
        )
    return build_rnne(metadata, subject.weights)


def _scriptable(subject: Subject) -> nn.Module:
    if subject.user is not None and subject.spec.is_opaque:
        return scriptable_step(subject.user)
    module = SequenceModel(subject.spec).eval()
    module.load_weights(subject.weights)
    return module


def _notes(subject: Subject, recording: Recording) -> list[str]:
    notes = []
    if subject.reason:
        notes.append(
            f"{type(subject.module).__name__} is not a chain of layers: {subject.reason}. "
            "Its artifacts run one step of one stream at a time, on the backends onnx and "
            "torchscript only."
        )
    if recording.float32_errors is None:
        notes.append(
            "The module does not run in float64, so PyTorch's own rounding error is not "
            "known and the limit does not count it."
        )
    difference = module_keeps_promise(subject, recording)
    if difference is not None:
        notes.append(
            f"In one call of {len(recording.golden.x)} steps the module itself gives other "
            f"numbers than in as many calls of one (by {difference:.1e}). The artifacts "
            "follow the single steps."
        )
    return notes


def _write_report(path: Path, subject: Subject, drafts: Sequence[_Draft]) -> None:
    content = {
        "digest": subject.digest,
        "artifacts": [
            {
                "format": draft.format,
                **{
                    field: getattr(draft.parity, field)
                    for field in Parity.__slots__
                    if field != "errors"
                },
                "errors": [] if draft.parity is None else draft.parity.errors.tolist(),
            }
            for draft in drafts
        ],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
