"""A module as an artifact: description, golden steps and weights out of `NAME.wasm`.

What is read are the bytes that its instructions read, so a changed weight shows in the digest.
"""

from __future__ import annotations

import hashlib
import json
import operator
from pathlib import Path
from typing import Any

import numpy as np

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.files import check_is_file
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.formats.seal import read_sealed
from rnnedge_runtime.spec.parameters import Parameters

from ..c.reading import Arrays, read_description
from .building import SECTION
from .module import Module, read_module

_TYPES = {
    "float": "<f4",
    "int8_t": "<i1",
    "uint8_t": "<u1",
    "int16_t": "<i2",
    "uint16_t": "<u2",
    "int32_t": "<i4",
    "uint32_t": "<u4",
}


def read_wasm(path: Path) -> tuple[Metadata, Parameters]:
    """Description and canonical weights of an exported module, checked in full.

    Raises:
        FormatError: the file was changed, is not one of ours, its parts do not fit, or the
            JavaScript beside it is not its own.
    """
    check_is_file(path)
    where = path.name
    module, about = _read(read_sealed(path), where)

    def arrays() -> Arrays:
        _check_javascript(path, dict(about["files"]))
        found: Arrays = {}
        total = 0
        for name, (kind, address, size) in dict(about["arrays"]).items():
            nbytes = operator.index(size) * np.dtype(_TYPES[kind]).itemsize
            part = module.memory(operator.index(address), nbytes)
            found[name] = np.frombuffer(part, _TYPES[kind])
            total += nbytes
            if total > module.nbytes:
                raise ValueError("the arrays are larger than the module")
        return found

    return read_description(about, arrays, where)


def missing_javascript(path: Path) -> list[str]:
    """Names of the files that were exported with a module and are not beside it.

    Raises:
        FormatError: the file was changed or is not one of ours.
    """
    _, about = _read(read_sealed(path), path.name)
    files = [_beside(path, name) for name in dict(about["files"])]
    return [file.name for file in files if not file.is_file()]


def _beside(path: Path, name: str) -> Path:
    return path.with_name(Path(name).name)


def _check_javascript(path: Path, sums: dict[str, str]) -> None:
    """The module is whole without it, but must not be stepped by another."""
    for name, expected in sums.items():
        beside = _beside(path, name)
        if not beside.is_file():
            continue
        if hashlib.sha256(beside.read_bytes()).hexdigest() != expected:
            raise FormatError(
                f"{path.name}: '{beside.name}' beside it is not the one it was exported "
                "with. Copy both files of one export, or export again."
            )


def _read(content: bytes, where: str) -> tuple[Module, dict[str, Any]]:
    try:
        module = read_module(content)
        about = json.loads(module.custom[SECTION])
    except (ValueError, KeyError, RecursionError):
        about = None
    if not isinstance(about, dict) or not _is_names(about.get("files")):
        raise FormatError(
            f"{where}: the file is not a WebAssembly module of a model. "
            "Pass a file that `rnnedge export --format wasm` wrote."
        )
    return module, about


def _is_names(files: object) -> bool:
    return isinstance(files, dict) and all(
        name and "\0" not in name and isinstance(expected, str)
        for name, expected in files.items()
    )
