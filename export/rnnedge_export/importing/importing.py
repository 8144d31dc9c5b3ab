"""`import_model`: a file that others wrote, as a ModelSpec with weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnedge_runtime.errors import FormatError, RnnEdgeError, SpecError

from .limits import malformed
from .step import Imported


def import_model(
    path: str | os.PathLike[str],
    *,
    description: str | os.PathLike[str] | None = None,
    features: Sequence[str] = (),
    targets: Sequence[str] = (),
    outputs: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
    constants: Mapping[str, float] | None = None,
    sample_period_s: float | None = None,
) -> Imported:
    """Read a model of another program.

    Args:
        path: `.onnx`, `.pt`, `.pth` or `.safetensors` (with a description), `.json` of
            RTNeural, `.nam`, `.keras`, `.h5`.
        description: of a PyTorch state_dict, a TOML file with its layers.
        features: names of the inputs; by default those of the file, else `x_0`, ....
        targets: names of the outputs; by default those of the file, else `y_0`, ....
        outputs: of an ONNX graph, the outputs that the model gives; the first by default.
        states: of an ONNX graph, output by state input; found by name by default.
        constants: of an ONNX graph, the number that an input has in every step, such as a
            sample rate.
        sample_period_s: seconds between steps; by default what the file says.

    Raises:
        FormatError: the file cannot be read.
        SpecError: what it holds cannot stream or be expressed; names that do not fit.
        NonFiniteError: a weight is NaN or infinite.
        MissingDependencyError: a package that reads the file is not installed.
    """
    path = Path(path)
    row = READERS.get(path.suffix.lower())
    if path.suffix.lower() in NOT_READ:
        raise SpecError(f"{path}: {NOT_READ[path.suffix.lower()]}")
    if row is None:
        raise SpecError(
            f"{path}: files ending in '{path.suffix}' are not read, expected one of "
            f"{', '.join(READERS)}. Write the model as ONNX."
        )
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file. Check the path.")
    reader, takes = row
    given = {
        "description": description,
        "outputs": outputs,
        "states": states,
        "constants": constants,
    }
    odd = [name for name, value in given.items() if value and name not in takes]
    if odd:
        raise SpecError(
            f"{path}: {', '.join(odd)} was given, which files ending in '{path.suffix}' do "
            "not need. Leave it out."
        )
    options = {name: value for name, value in given.items() if name in takes}
    try:
        imported = reader(path, features=features, targets=targets, **options)
    except RnnEdgeError:
        raise
    except Exception as error:  # whatever a stranger's file makes fail
        raise malformed(str(path), "the file", error) from error
    if sample_period_s is None:
        return imported
    spec = replace(imported.spec, sample_period_s=sample_period_s)
    return replace(imported, spec=spec)


def _onnx(path: Path, **options: Any) -> Imported:
    from .onnx.reading import import_onnx

    return import_onnx(path, **options)


def _described(path: Path, **options: Any) -> Imported:
    from .described import import_described

    return import_described(path, **options)


def _rtneural(path: Path, **options: Any) -> Imported:
    from .rtneural import import_rtneural

    return import_rtneural(path, **options)


def _nam(path: Path, **options: Any) -> Imported:
    from .nam import import_nam

    return import_nam(path, **options)


def _keras(path: Path, **options: Any) -> Imported:
    from .keras import import_keras

    return import_keras(path, **options)


_Reader = Callable[..., Imported]
READERS: dict[str, tuple[_Reader, frozenset[str]]] = {
    ".onnx": (_onnx, frozenset(["outputs", "states", "constants"])),
    **dict.fromkeys(
        (".pt", ".pth", ".safetensors"), (_described, frozenset(["description"]))
    ),
    ".json": (_rtneural, frozenset()),
    ".nam": (_nam, frozenset()),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), (_keras, frozenset())),
}
"""By ending: what reads such a file, and which options it takes beside the names."""

NOT_READ = {
    ".tflite": "TensorFlow Lite is not read: its recurrent layers are written out in many "
    "small operators or control flow. Import the Keras model it was made from (.keras, "
    ".h5), or convert it with tf2onnx and import the ONNX file.",
    ".pb": "a SavedModel is not read. Save the model as .keras, or convert it with tf2onnx.",
    ".pkl": "a pickle can run programs, so it is not read. Save model.state_dict() with "
    "torch.save or safetensors.",
    ".ckpt": "a checkpoint holds more than weights. Save model.state_dict() with torch.save "
    "or safetensors.",
}
"""By ending: why such a file is not read, and what to do."""
