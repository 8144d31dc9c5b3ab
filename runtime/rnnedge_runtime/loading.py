"""`load`: from a file to a Model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from .backends import BACKENDS, NOT_LOADED, Backend, default_backend
from .errors import FormatError, SpecError
from .formats.files import check_is_file
from .streams.model import Model


def load(
    path: str | os.PathLike[str],
    backend: str | None = None,
    *,
    numerics: Literal["exact", "fast"] = "exact",
) -> Model:
    """Load an artifact.

    The file's checksum is checked before anything parses it.

    Args:
        path: an `.rnne`, `.onnx` or `.pt` file written by rnnedge.
        backend: `native` (the C engine, default for `.rnne`), `numpy` (the same bytes
            without a compiler, default for `.rnne` where the C engine is not built),
            `onnx` (default for `.onnx`; needs onnxruntime), `reference` (NumPy float64
            from an `.rnne`, or from an `.onnx` with the onnx package), or `torchscript`
            (for `.pt`; needs torch). A `.pt` holds a pickle, which can run any code when
            loaded, so it is loaded only when the backend is named.
        numerics: `fast` lets the native backend fuse multiplications with additions in
            `Model.streams`: more steps a second, equal within the limit of parity and no
            longer in every bit. The other backends have one arithmetic each.

    Returns:
        The model; threads may share it.

    Raises:
        FormatError: no such file, not an artifact, cut short, changed, of a newer format
            version, or not a file the backend reads.
        SpecError: unknown numerics.
        MissingDependencyError: the backend's package is not installed.
    """
    if numerics not in ("exact", "fast"):
        raise SpecError(
            f"load: numerics is '{numerics}', expected 'exact' or 'fast'. "
            "Leave it out for the same bits everywhere."
        )
    path = Path(path)
    check_is_file(path)
    metadata, engine = _backend(path, backend).open(path)
    return Model(metadata, engine, path, is_fast=numerics == "fast")


def _backend(path: Path, name: str | None) -> Backend:
    suffix = path.suffix.lower()
    if name is None:
        name = default_backend(suffix)
    if name is None and suffix in BACKENDS["torchscript"].suffixes:
        raise FormatError(
            f"{path.name}: a TorchScript file holds a pickle, which can run any code when "
            "it is loaded, so it is not loaded by default. If you trust its origin, name "
            "the backend: backend='torchscript' (`--backend torchscript`); the .onnx "
            "artifact needs no trust."
        )
    if suffix in NOT_LOADED:
        raise FormatError(
            f"{path.name}: {NOT_LOADED[suffix]}. Check it with `rnnedge verify`, "
            "or load the .rnne or .onnx of the same model."
        )
    if name is None:
        raise FormatError(
            f"{path.name}: files ending in '{suffix}' are not artifacts, expected "
            f"{_endings()}. Pass a file that `rnnedge export` wrote."
        )
    if name not in BACKENDS:
        raise FormatError(
            f"load: backend '{name}' is unknown, expected one of {', '.join(BACKENDS)}. "
            "Name one of these, or none for the file's own."
        )
    if suffix not in BACKENDS[name].suffixes:
        raise FormatError(
            f"{path.name}: backend '{name}' reads "
            f"{', '.join(BACKENDS[name].suffixes)} files, not '{suffix}'. "
            "Name another backend, or export the model to that format."
        )
    return BACKENDS[name]


def _endings() -> str:
    return ", ".join(sorted({s for item in BACKENDS.values() for s in item.suffixes}))
