"""A ModelSpec with its weights as an `.rnne` file (docs/format.md, ".rnne").

The golden outputs and the proof of the long run are those of the file's arithmetic, which any
engine of it repeats byte for byte.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.native import has_native, native_engine
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats import rnne_file
from rnnedge_runtime.formats.metadata import Metadata, limits_to_json
from rnnedge_runtime.formats.rnne_model import encode_model, encode_ranges, version_of
from rnnedge_runtime.spec.layers import Embedding
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.parameters import Parameters, kept_of
from rnnedge_runtime.spec.spec_json import spec_to_json
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import weight_shapes
from rnnedge_runtime.streams.engine import Engine

from ...compare.runs import run_through
from ..variant import Variant

LONG_RUN_STEPS = 10_000
LONG_RUN_SEED = 20_230_917
WEIGHTS_ALIGNMENT = 64

_RANGE_MARGIN = 2.0**-10
"""So that rounding leads no input out of its range, where it would count as missing."""

Section = tuple[bytes, int, bytes]


def write_rnne(variant: Variant, path: Path) -> None:
    """Write the file of a chain of layers.

    Raises:
        SpecError: it is a graph.
    """
    original = variant.original
    if original.spec.is_opaque:
        raise SpecError(
            f"export to .rnne: {type(original.module).__name__} is not a chain of layers: "
            f"{original.reason}. Export it to ONNX, or build it of the layers rnnedge knows."
        )
    content = build_rnne(variant.metadata, variant.parameters, engine=variant.engine)
    path.write_bytes(content)


def build_rnne(
    metadata: Metadata, parameters: Parameters, *, engine: Engine | None = None
) -> bytes:
    """The `.rnne` file of a model; equal arguments give equal bytes.

    Args:
        metadata: what the file says of itself; of its golden steps the inputs are taken.
        parameters: canonical weights of its spec, or its integers.
        engine: any engine of the same arithmetic for this model, to be quicker than NumPy
            in the long run; the native one where it is built. The golden steps are always
            NumPy's.

    Raises:
        SpecError: the spec holds a graph that is not a chain of layers.
    """
    golden = _golden_section(metadata, numpy_engine(metadata.spec, parameters))
    engine = engine or quick_engine(metadata, parameters)
    long_run = _long_run_section(metadata.spec, engine)
    sections = _sections(metadata, parameters, golden, long_run)
    return assemble(sections, version_of(metadata.spec))


def rnne_nbytes(metadata: Metadata, parameters: Parameters) -> int:
    """Size of the file that `build_rnne` gives, without streaming anything."""
    spec, num_steps = metadata.spec, len(metadata.golden.x)
    golden = bytes(4 + 4 * num_steps * (spec.input_size + spec.output_size))
    long_run = bytes(40 + 8 * spec.input_size)
    return len(assemble(_sections(metadata, parameters, golden, long_run)))


def _sections(
    metadata: Metadata, parameters: Parameters, golden: bytes, long_run: bytes
) -> list[Section]:
    model, *ranges, tensors = _critical_sections(metadata, parameters)
    texts = [(b"SPEC", spec_to_json(metadata.spec)), (b"PROD", metadata.producer)]
    if metadata.limits is not None:
        texts.append((b"BNDS", limits_to_json(metadata.limits)))
    if metadata.int8_judgement:
        texts.append((b"JUDG", metadata.int8_judgement))
    described = [(name, 0, text.encode()) for name, text in texts]
    proofs = [(b"GOLD", 0, golden), (b"LONG", 0, long_run)]
    return [model, *ranges, *described, *proofs, tensors]


def quick_engine(metadata: Metadata, parameters: Parameters) -> Engine:
    """The native engine of a model that has no file, or NumPy where it is not built."""
    if not has_native():
        return numpy_engine(metadata.spec, parameters)
    content = assemble(
        _critical_sections(metadata, parameters), version_of(metadata.spec)
    )
    return native_engine(metadata.spec, content)


def _critical_sections(metadata: Metadata, parameters: Parameters) -> list[Section]:
    model = encode_model(metadata.spec, metadata.digest, kept_of(parameters))
    weights = _weights_section(metadata.spec, parameters)
    return [
        (b"MODL", rnne_file.CRITICAL, model),
        *range_sections(metadata.spec),
        (b"WGTS", rnne_file.CRITICAL, weights),
    ]


def range_sections(spec: ModelSpec) -> list[Section]:
    """Section `RNGE`, where the file of a spec has one."""
    ranges = encode_ranges(spec)
    return [(b"RNGE", rnne_file.CRITICAL, ranges)] if ranges else []


def _weights_section(spec: ModelSpec, parameters: Parameters) -> bytes:
    if not isinstance(parameters, QuantisedModel):
        return b"".join(
            parameters[name].astype("<f4").tobytes() for name in weight_shapes(spec)
        )
    pieces = []
    for name, (kind, _) in parameters.types.items():
        piece = parameters.tensors[name].astype(kind).tobytes()
        pieces.append(piece + bytes(-len(piece) % 4))
    return b"".join(pieces)


def assemble(sections: list[Section], version: int = 1) -> bytes:
    """A file of (type, flags, content) sections, with header, table and checksum."""
    offset = rnne_file.HEADER.size + rnne_file.ENTRY.size * len(sections)
    table, body = b"", b""
    for name, flags, content in sections:
        content += bytes(-len(content) % 4)
        gap = -offset % WEIGHTS_ALIGNMENT if name == b"WGTS" else 0
        offset += gap
        table += rnne_file.ENTRY.pack(name, flags, offset, len(content))
        body += bytes(gap) + content
        offset += len(content)
    header = rnne_file.HEADER.pack(
        rnne_file.MAGIC, version, offset, 0, len(sections), 0, 0
    )
    whole = bytearray(header + table + body)
    struct.pack_into(
        "<I", whole, rnne_file.CHECKSUM_AT, rnne_file.file_checksum(bytes(whole))
    )
    return bytes(whole)


def generate_inputs(
    seed: int,
    num_steps: int,
    base: NDArray[np.float32],
    span: NDArray[np.float32],
) -> NDArray[np.float32]:
    """`[T, I]` inputs of the integer generator of section `LONG`."""
    states = np.empty(num_steps * len(base), dtype=np.uint32)
    gain, offset, done = 1664525, 1013904223, 1
    states[:1] = (seed * gain + offset) & 0xFFFFFFFF
    while done < len(states):  # `gain` and `offset` are those of `done` draws at once
        known = states[: min(done, len(states) - done)]
        states[done : done + len(known)] = known * np.uint32(gain) + np.uint32(offset)
        offset = (gain + 1) * offset & 0xFFFFFFFF
        gain = gain * gain & 0xFFFFFFFF
        done *= 2
    draws = (states >> 8).astype(np.float32)
    return base + draws.reshape(num_steps, len(base)) * span


def input_ranges(
    spec: ModelSpec,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`base` and `span` `[I]` of the long run: the clip range, or around the held value.

    Where a layer takes readings before the clip, twice as wide; within every range.
    """
    low = np.full(spec.input_size, -1.0)
    high = np.full(spec.input_size, 1.0)
    for k, feature in enumerate(spec.features):
        low[k], high[k] = feature.clip or (feature.initial - 2, feature.initial + 2)
        if feature.clip and spec.takes_readings:
            width = high[k] - low[k]
            low[k], high[k] = low[k] - width / 2, high[k] + width / 2
        if feature.range is not None:
            low[k], high[k] = np.clip((low[k], high[k]), *feature.range)
            high[k] -= _RANGE_MARGIN * (high[k] - low[k])
    first = spec.layers[0]
    if isinstance(first, Embedding):
        low[0], high[0] = 0, first.num_embeddings
    return low.astype(np.float32), ((high - low) * 2.0**-24).astype(np.float32)


def _golden_section(metadata: Metadata, engine: Engine) -> bytes:
    x = metadata.golden.x.astype(np.float32)
    y = run_through(engine, metadata.spec, x).astype("<f4")
    return struct.pack("<I", len(x)) + x.astype("<f4").tobytes() + y.tobytes()


def _long_run_section(spec: ModelSpec, engine: Engine) -> bytes:
    base, span = input_ranges(spec)
    x = generate_inputs(LONG_RUN_SEED, LONG_RUN_STEPS, base, span)
    y = run_through(engine, spec, x)
    return (
        struct.pack("<II", LONG_RUN_STEPS, LONG_RUN_SEED)
        + hashlib.sha256(y.astype("<f4").tobytes()).digest()
        + base.astype("<f4").tobytes()
        + span.astype("<f4").tobytes()
    )
