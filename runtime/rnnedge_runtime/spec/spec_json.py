"""Canonical JSON of a ModelSpec, and back.

Canonical: UTF-8, keys sorted, no spaces, non-ASCII characters as they are, numbers as
Python's shortest round-trip text, float32 values first rounded to float32. Every field of
version 1 is written, defaults included; fields and layers of version 2 are written where
they say something, and then the version is 2. So equal specs give equal bytes, and a spec
that needs nothing new is read by older versions (docs/format.md).
"""

from __future__ import annotations

import dataclasses
import json
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import FormatError, SpecError, too_new, unfit_file
from .derived import MAX_PERIOD_S, DerivedInput
from .graph_check import LARGEST_STATE, chain_of
from .graph_layers import OPERATIONS
from .layers import FUNCTIONS, LAYER_KINDS
from .model_spec import (
    LARGEST_FLOAT32,
    LARGEST_RUN,
    MISSING_POLICIES,
    Feature,
    ModelSpec,
    Target,
)

FORMAT_VERSION = 4
_NEWER_FIELDS: dict[str, tuple[int, Any]] = {
    "range": (2, None),
    "max_gap_s": (2, None),
    "clock": (2, ""),
    "is_clipped": (2, True),
    "start": (3, ()),
    "positions": (3, 1),
    "groups": (3, 1),
    "is_log": (3, False),
    "parameters": (3, ()),
    "longest_unchanged": (4, None),
    "rows_per_step": (3, 1),
}
"""The version that brought a field, and its default, with which it is left out."""
_POLICY_VERSIONS = {"pass": 2, "predict": 4}

LARGEST_DESCRIPTION = 2**24
"""Most characters of a spec in JSON (docs/security.md)."""

LARGEST_SIZE = 2**24
"""Limit of every size in a layer (docs/format.md, "Layers")."""


def spec_to_json(spec: ModelSpec) -> str:
    """The canonical JSON text of `spec`."""
    content = {
        "format_version": format_version(spec),
        "features": [_feature_fields(feature) for feature in spec.features],
        "targets": [dataclasses.asdict(target) for target in spec.targets],
        "derived": [dataclasses.asdict(item) for item in spec.derived],
        "layers": _layer_fields(spec),
        "horizon": spec.horizon,
        "quantiles": list(spec.quantiles),
        "sample_period_s": spec.sample_period_s and float(spec.sample_period_s),
        "vocabulary": list(spec.vocabulary),
        "max_gap_s": spec.max_gap_s and float(spec.max_gap_s),
        "clock": spec.clock,
        "rows_per_step": spec.rows_per_step,
    }
    return json.dumps(
        _stated(content),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def _layer_fields(spec: ModelSpec) -> list[dict[str, Any]]:
    """The layers; with `from` where one reads something else than the layer before it."""
    found = []
    chain = chain_of(spec.layers)
    for layer, read, before in zip(spec.layers, spec.reads, chain, strict=True):
        fields = {"kind": layer.kind, **_stated(dataclasses.asdict(layer))}
        if read != before:
            fields["from"] = list(read)
        found.append(fields)
    return found


def format_version(spec: ModelSpec) -> int:
    """The oldest version that holds `spec`."""
    policies = [_POLICY_VERSIONS.get(feature.missing, 1) for feature in spec.features]
    fields = _field_versions(spec, *spec.features)
    return max(network_version(spec), *policies, *fields)


def network_version(spec: ModelSpec) -> int:
    """The oldest version that holds the layers of `spec` and their wiring."""
    layers = [layer.needs_version for layer in spec.layers]
    return max(3 if spec.wiring else 1, *layers, *_field_versions(*spec.layers))


def _field_versions(*items: object) -> list[int]:
    return [
        since
        for item in items
        for name, (since, default) in _NEWER_FIELDS.items()
        if getattr(item, name, default) != default
    ]


def _stated(fields: dict[str, Any]) -> dict[str, Any]:
    """`fields` without those of later versions that hold their default."""
    return {
        name: value
        for name, value in fields.items()
        if name not in _NEWER_FIELDS or value != _NEWER_FIELDS[name][1]
    }


def spec_from_json(text: str, *, where: str) -> ModelSpec:
    """The ModelSpec that `text` describes.

    Args:
        text: JSON as written by `spec_to_json`.
        where: name of the file, for messages.

    Raises:
        FormatError: not JSON, a newer format version, a missing, unknown or wrong field.
    """
    if len(text) > LARGEST_DESCRIPTION:
        raise _unfit(
            where,
            f"the model description has {len(text):,} characters, at most "
            f"{LARGEST_DESCRIPTION:,} are possible",
        )
    try:
        content = json.loads(text)
        version = content.pop("format_version")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise _unfit(
            where, "the model description is not the JSON of a ModelSpec"
        ) from None
    check_format_version(version, where=where)
    try:
        wiring = _take_wiring(content)
        spec: ModelSpec = _SPEC({**content, "wiring": wiring}, "")
    except (SpecError, _FieldError) as error:
        raise FormatError(
            f"{where}: the model description does not hold together: {error} "
            "The file was changed or not written by rnnedge; export it again."
        ) from None
    if format_version(spec) > version:
        raise _unfit(
            where,
            f"the model description says version {version}, but holds what "
            f"version {format_version(spec)} brought",
        )
    return spec


def check_format_version(
    version: object, *, where: str, newest: int = FORMAT_VERSION
) -> None:
    """Raise FormatError unless `version` is one of 1 to `newest`."""
    if type(version) is int and 1 <= version <= newest:
        return
    shown = reprlib.repr(version)
    if isinstance(version, int) and version > newest:
        raise too_new(f"{where}: format version", shown, newest)
    expected = "1" if newest == 1 else f"1 to {newest}"
    raise _unfit(where, f"format version {shown} is unknown, expected {expected}")


def _unfit(where: str, found: str) -> FormatError:
    return unfit_file(where, found, cause="changed or not written by rnnedge")


def _float32(value: float) -> float:
    return float(np.float32(value))


def _feature_fields(feature: Feature) -> dict[str, Any]:
    fields = dataclasses.asdict(feature)
    fields["initial"] = _float32(feature.initial)
    for name in ("clip", "range"):
        if fields[name] is not None:
            fields[name] = [_float32(bound) for bound in fields[name]]
    return _stated(fields)


class _FieldError(Exception):
    """A value of the JSON has the wrong type or is out of range."""


_Check = Callable[[Any, str], Any]
"""From a value of the JSON and its place to a value of the ModelSpec, or _FieldError."""


def _wrong(value: object, at: str, expected: str) -> _FieldError:
    return _FieldError(f"{at} is {reprlib.repr(value)}, expected {expected}.")


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, at, "text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(value, at, "text without lone surrogates") from None
    return value


def _that(is_such: Callable[[Any], bool], expected: str) -> _Check:
    def check(value: Any, at: str) -> Any:
        if not is_such(value):
            raise _wrong(value, at, expected)
        return value

    return check


def _choice(*choices: str) -> _Check:
    check = _that(choices.__contains__, f"one of {', '.join(choices)}")
    return lambda value, at: check(_text(value, at), at)


def _integer(low: int, high: int) -> _Check:
    return _that(
        lambda value: type(value) is int and low <= value <= high,
        f"an integer from {low} to {high}",
    )


def _number(largest: float) -> _Check:
    return _that(
        lambda value: type(value) in (int, float) and -largest <= value <= largest,
        f"a number of magnitude {largest:g} or less",
    )


def _optional(check: _Check) -> _Check:
    return lambda value, at: None if value is None else check(value, at)


def _list(check: _Check) -> _Check:
    def check_all(value: Any, at: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(value, at, "a list")
        return tuple(check(item, f"{at}[{k}]") for k, item in enumerate(value))

    return check_all


def _items(*checks: _Check) -> _Check:
    """A list of one value for each check."""

    def check_each(value: Any, at: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(checks):
            raise _wrong(value, at, f"a list of {len(checks)} values")
        pairs = zip(checks, value, strict=True)
        return tuple(check(v, f"{at}[{k}]") for k, (check, v) in enumerate(pairs))

    return check_each


def _object(made: Callable[..., Any], **checks: _Check) -> _Check:
    """An object whose fields are the arguments of `made`, a dataclass."""
    needed = {
        field.name
        for field in dataclasses.fields(made)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING
    }

    def check_fields(value: Any, at: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, at, "an object")
        prefix = f"{at}." if at else ""
        for name in value:
            if name not in checks:
                raise _FieldError(f"{prefix}{reprlib.repr(name)} is an unknown field.")
        for name in sorted(needed - set(value)):
            raise _FieldError(f"{prefix}{name} is missing.")
        return made(
            **{name: checks[name](item, prefix + name) for name, item in value.items()}
        )

    return check_fields


def _take_wiring(content: Any) -> list[Any]:
    """`from` of every layer, taken out of the JSON; [] where none has it."""
    layers = content.get("layers") if isinstance(content, dict) else None
    listed = layers if isinstance(layers, list) else []
    items = [item for item in listed if isinstance(item, dict)]
    if not any("from" in item for item in items):
        return []
    return [item.pop("from", None) for item in items]


def _layer(value: Any, at: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(value, at, "an object")
    kind = _choice(*_LAYERS)(value.get("kind"), f"{at}.kind")
    fields = {name: item for name, item in value.items() if name != "kind"}
    return _LAYERS[kind](fields, at)


def _opaque_state(value: Any, at: str) -> Any:
    name, shape, initial = _OPAQUE_STATE(value, at)
    size = 1
    for length in shape:
        size = min(size * length, LARGEST_STATE + 1)
    if size > LARGEST_STATE or len(initial) not in (0, size):
        raise _FieldError(
            f"{at} has shape {reprlib.repr(shape)} and {len(initial)} initial values, "
            f"expected at most {LARGEST_STATE} values, all of them initial or none."
        )
    return name, shape, initial


_SIZE = _integer(1, LARGEST_SIZE)
_FLOAT32 = _number(LARGEST_FLOAT32)
_DOUBLE = _number(float(np.finfo(np.float64).max))
_INT64 = _integer(-(2**63), 2**63 - 1)
_OPAQUE_STATE = _items(_text, _list(_integer(0, LARGEST_SIZE)), _list(_FLOAT32))
_LAYER_FIELDS: dict[object, _Check] = {
    "Size": _SIZE,
    "int": _integer(0, LARGEST_SIZE),
    "bool": _that(lambda value: isinstance(value, bool), "true or false"),
    "str": _text,
    "Nonlinearity": _choice("tanh", "relu"),
    "Function": _choice(*FUNCTIONS),
    "Operation": _choice(*OPERATIONS),
    **dict.fromkeys(("Sources", "Indices"), _list(_integer(0, LARGEST_SIZE))),
    "Sizes": _list(_SIZE),
    "Epsilon": _FLOAT32,
    **dict.fromkeys(("Start", "Parameters"), _list(_FLOAT32)),
    "States": _list(_opaque_state),
}
"""The check of a layer's field by its type, as it is written there."""
_LAYERS = {
    kind: _object(
        layer, **{f.name: _LAYER_FIELDS[f.type] for f in dataclasses.fields(layer)}
    )
    for kind, layer in LAYER_KINDS.items()
}
_FEATURE = _object(
    Feature,
    name=_text,
    unit=_text,
    missing=_choice(*MISSING_POLICIES),
    clip=_optional(_items(_FLOAT32, _FLOAT32)),
    initial=_FLOAT32,
    range=_optional(_items(_FLOAT32, _FLOAT32)),
    longest_unchanged=_optional(_integer(1, LARGEST_RUN)),
)
_SPEC = _object(
    ModelSpec,
    features=_list(_FEATURE),
    targets=_list(_object(Target, name=_text, unit=_text)),
    derived=_list(
        _object(DerivedInput, period_s=_integer(1, MAX_PERIOD_S), offset_s=_INT64)
    ),
    layers=_list(_layer),
    horizon=_SIZE,
    quantiles=_list(_DOUBLE),
    sample_period_s=_optional(_DOUBLE),
    vocabulary=_list(_text),
    max_gap_s=_optional(_DOUBLE),
    clock=_text,
    wiring=_list(_optional(_list(_integer(-1, LARGEST_SIZE)))),
    rows_per_step=_SIZE,
)
