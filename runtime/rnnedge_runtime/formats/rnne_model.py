"""Section `MODL` of an `.rnne` file (docs/format.md): what an engine needs but the weights."""

from __future__ import annotations

import struct

from ..errors import SpecError
from ..numerics.f32 import NUMERICS
from ..numerics.w8a16 import INTEGER_NUMERICS
from ..spec.clip import CLIP_NONE
from ..spec.layer_roles import layer_roles
from ..spec.model_spec import ModelSpec
from ..spec.spec_json import network_version

_MODEL = struct.Struct("<16s32sIIII")
_FEATURE = struct.Struct("<Ifff")
_DERIVED = struct.Struct("<IIq")
_LAYER = struct.Struct("<IIIII")
_RANGE = struct.Struct("<ff")

_ROLES = {"integer": 1 << 8, "float": 2 << 8, "folded": 3 << 8}
_KEPT = 1 << 10
_POLICIES = {"hold": 0, "reject": 1, "pass": 0, "predict": 2}


def encode_model(
    spec: ModelSpec, digest: str, kept: frozenset[int] | None = None
) -> bytes:
    """The content of section `MODL`.

    Args:
        spec: a chain of layers.
        digest: 64 hex digits.
        kept: of a model in integers, the positions of the layers kept in float by name;
            None for a float model.

    Raises:
        SpecError: the spec holds a graph that is not a chain of layers, or a layer that is
            not kept has no integer form.
    """
    flags = [0] * len(spec.layers)
    if kept is not None:
        flags = [
            _ROLES[part.role] | (_KEPT if k in kept else 0)
            for k, part in enumerate(layer_roles(spec, kept))
        ]
    pieces = [
        _MODEL.pack(
            (NUMERICS if kept is None else INTEGER_NUMERICS).encode(),
            bytes.fromhex(digest),
            spec.num_features,
            len(spec.derived),
            spec.output_size,
            len(spec.layers),
        )
    ]
    filled_by = dict(spec.forecast_fills)
    for k, feature in enumerate(spec.features):
        low, high = feature.clip or (-CLIP_NONE, CLIP_NONE)
        policy = _POLICIES[feature.missing] | filled_by.get(k, 0) << 8
        pieces.append(_FEATURE.pack(policy, low, high, feature.initial))
    pieces += [_DERIVED.pack(item.period_s, 0, item.offset_s) for item in spec.derived]
    pieces += [_encode_layer(spec, k, flag) for k, flag in enumerate(flags)]
    return b"".join(pieces)


def version_of(spec: ModelSpec) -> int:
    """The version of `.rnne` that holds `spec`: 2 for a graph and what came with it."""
    return 2 if network_version(spec) >= 3 else 1


def _encode_layer(spec: ModelSpec, k: int, flags: int = 0) -> bytes:
    layer = spec.layers[k]
    if not layer.code:
        raise SpecError(
            f".rnne: the native format holds chains of layers, not '{layer.kind}'. "
            "Export the model to ONNX."
        )
    sizes = (layer.input_size, layer.output_size, layer.inner_size)
    sources = getattr(layer, "sources", ())
    fields = _LAYER.pack(layer.code, layer.variant | flags, *sizes)
    fields += struct.pack(f"<{len(sources)}I", *sources)
    if version_of(spec) == 1:
        return fields
    read = spec.reads[k]
    words = b"".join(
        struct.pack("<I" if isinstance(word, int) else "<f", word)
        for word in layer.words
    )
    counts = struct.pack(f"<I{len(read)}iI", len(read), *read, len(layer.words))
    return fields + counts + words


def encode_ranges(spec: ModelSpec) -> bytes:
    """The content of section `RNGE`; b"" where no feature has a range."""
    ranges = [feature.range for feature in spec.features]
    if all(item is None for item in ranges):
        return b""
    return b"".join(_RANGE.pack(*(item or (-CLIP_NONE, CLIP_NONE))) for item in ranges)


def numerics_of(model: bytes) -> str:
    """The name of the arithmetic in a section of at least 48 bytes."""
    return model[:16].rstrip(b"\0").decode("ascii", "backslashreplace")


def kept_layers(model: bytes, spec: ModelSpec) -> frozenset[int]:
    """Positions of the layers kept in float by name; section and spec may not fit.

    Raises:
        struct.error: the section is too short.
    """
    at = _MODEL.size + _FEATURE.size * spec.num_features
    at += _DERIVED.size * len(spec.derived)
    kept = set()
    for k in range(len(spec.layers)):
        if _LAYER.unpack_from(model, at)[1] & _KEPT:
            kept.add(k)
        at += len(_encode_layer(spec, k))
    return frozenset(kept)
