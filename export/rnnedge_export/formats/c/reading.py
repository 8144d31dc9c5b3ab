"""A generated source as an artifact: description, golden steps and weights out of `NAME.c`.

What is read are the arrays that the compiler reads, so a changed weight shows in the digest.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import (
    FormatError,
    NonFiniteError,
    ShapeError,
    SpecError,
    unfit_file,
)
from rnnedge_runtime.formats.files import check_is_file
from rnnedge_runtime.formats.metadata import (
    Golden,
    Metadata,
    check_digest,
    check_golden,
    limits_from_json,
)
from rnnedge_runtime.formats.seal import read_sealed
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.parameters import Parameters, digest_of
from rnnedge_runtime.spec.spec_json import check_format_version, spec_from_json
from rnnedge_runtime.spec.w8a16_model import tensor_types
from rnnedge_runtime.spec.weights import Weights, canonical_weights, weight_shapes

from .description import BLOCK_END, BLOCK_START
from .f32.packing import packed_of, read_layer
from .w8a16.reading import constant_arrays, read_tensors

Arrays = dict[str, NDArray[Any]]

DAMAGE = (
    *(ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError),
    *(RecursionError, binascii.Error, NonFiniteError, SpecError),
    OSError,  # a file beside it whose name is too long
)
"""What parts that do not fit each other raise on their way to a model."""


def read_c_source(path: Path) -> tuple[Metadata, Parameters]:
    """Description and canonical weights, or integers, of a generated source, checked in full.

    Raises:
        FormatError: `NAME.c` was changed or is not one of ours, one of the headers beside
            it is missing or changed, or its parts do not fit each other.
    """
    check_is_file(path)
    where = path.name
    text = read_sealed(path).decode("utf-8", "replace")
    content = read_content(text, where)

    def arrays() -> Arrays:
        _check_files(path, dict(content["files"]))
        return constant_arrays(text, f"{content['name']}_")

    return read_description(content, arrays, where)


def _is_integer(content: Mapping[str, Any]) -> bool:
    return content.get("numerics") == INTEGER_NUMERICS


def read_description(
    content: Mapping[str, Any], read_arrays: Callable[[], Arrays], where: str
) -> tuple[Metadata, Parameters]:
    """Description and weights, or integers, out of what a generated source says and holds.

    Args:
        content: its description (`read_content`).
        read_arrays: its constant arrays, by names without that of the model; a ValueError
            or KeyError of it says that they do not fit.
        where: name of the file, for messages.

    Raises:
        FormatError: of a newer version, or the parts do not fit each other.
    """
    check_format_version(content.get("format_version"), where=where, newest=1)
    try:
        spec = spec_from_json(json.dumps(content["spec"]), where=where)
        digest, numerics = str(content["digest"]), str(content["numerics"])
        _check_numerics(numerics, where)
        arrays = read_arrays()
        golden = Golden(
            arrays["golden_x"].reshape(-1, spec.input_size),
            arrays["golden_y"].reshape(-1, spec.output_size),
        )
        check_golden(golden, spec, where=where)
        _check_sizes(spec, content, arrays)
        parameters: Parameters
        if _is_integer(content):
            parameters = read_tensors(spec, content, arrays)
        else:
            parameters = _weights(spec, arrays, dict(content["biases"]))
    except DAMAGE as error:
        if isinstance(error, ShapeError | NonFiniteError):
            raise FormatError(f"{where}: {error}") from None
        raise unfit_file(
            where, f"its arrays do not fit the model description ({error})"
        ) from None
    found = digest_of(spec, parameters)
    check_digest("spec and weights", found, digest, where=where)
    producer = str(content.get("producer", ""))
    text = json.dumps(content["limits"]) if "limits" in content else ""
    described = Metadata(
        spec,
        digest,
        numerics,
        golden,
        producer,
        int8_judgement=str(content.get("int8_judgement", "")),
        limits=limits_from_json(text, spec, where=where),
    )
    return described, parameters


def read_name(path: Path) -> str:
    """The identifier in front of the functions of a generated source.

    Raises:
        FormatError: as `read_c_source`.
    """
    text = read_sealed(path).decode("utf-8", "replace")
    return str(read_content(text, path.name).get("name", ""))


def read_content(text: str, where: str) -> dict[str, Any]:
    """The description in the text of a generated source.

    Raises:
        FormatError: there is none.
    """
    start = text.find(BLOCK_START)
    end = text.find(BLOCK_END, start)
    body = text[start + len(BLOCK_START) : end].rpartition("\n")[0]
    try:
        content = json.loads(body) if start >= 0 else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise FormatError(
            f"{where}: the file holds no description of a model. "
            "Pass a file that `rnnedge export --format c` wrote."
        )
    return content


def _check_files(path: Path, sums: dict[str, str]) -> None:
    for name, expected in sums.items():
        header = path.with_name(Path(name).name)
        if not header.is_file():
            raise FormatError(
                f"{path.name}: the header '{header.name}' does not lie beside it. "
                "Copy all files that the export wrote."
            )
        if hashlib.sha256(header.read_bytes()).hexdigest() != expected:
            raise FormatError(
                f"{path.name}: the header '{header.name}' beside it is not the one it was "
                "exported with. Copy all files of one export, or export again."
            )


def _check_sizes(spec: ModelSpec, content: Mapping[str, Any], arrays: Arrays) -> None:
    """Raise ValueError where the layers need more numbers than there are.

    The readers take memory for what the layers need, so this comes first.
    """
    if _is_integer(content):
        kept = frozenset(int(k) for k in content["kept"])
        shapes = [shape for _, shape in tensor_types(spec, kept).values()]
    else:
        shapes = list(weight_shapes(spec).values())
    needed = sum(math.prod(shape) for shape in shapes)
    stored = sum(array.size for array in arrays.values())
    # Beside the arrays: biases in base64, scalars and limits that are the same for all.
    if needed > 2 * stored + 64:
        raise ValueError(
            f"the layers need {needed:,} numbers, the arrays hold {stored:,}"
        )


def _check_numerics(numerics: str, where: str) -> None:
    if numerics not in (NUMERICS, INTEGER_NUMERICS):
        raise FormatError(
            f"{where}: the file uses the arithmetic '{numerics}', this rnnedge reads "
            f"'{NUMERICS}' and '{INTEGER_NUMERICS}' from C. "
            "Upgrade with: pip install --upgrade rnnedge."
        )


def _weights(spec: ModelSpec, arrays: Arrays, biases: dict[str, str]) -> Weights:
    weights: dict[str, NDArray[np.float32]] = {}
    for k, layer in enumerate(spec.layers):
        tensors = read_layer(layer, packed_of(arrays, k), biases, k)
        weights |= {f"layers.{k}.{name}": tensor for name, tensor in tensors.items()}
    return canonical_weights(spec, weights)
