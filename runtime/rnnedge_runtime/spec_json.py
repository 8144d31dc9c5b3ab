"""Canonical JSON of a ModelSpec, and back.

Canonical: UTF-8, keys sorted, no spaces, non-ASCII characters as they are, numbers as
Python's shortest round-trip text, float32 values first rounded to float32. Every field is
written, defaults included, so that equal specs give equal bytes (docs/format.md).
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from .errors import FormatError, SpecError
from .layers import LAYER_KINDS, Layer
from .spec import Feature, ModelSpec, Target
from .time_features import DerivedInput

FORMAT_VERSION = 1


def spec_to_json(spec: ModelSpec) -> str:
    """The canonical JSON text of `spec`."""
    content = {
        "format_version": FORMAT_VERSION,
        "features": [_feature_fields(feature) for feature in spec.features],
        "targets": [dataclasses.asdict(target) for target in spec.targets],
        "derived": [dataclasses.asdict(item) for item in spec.derived],
        "layers": [{"kind": k.kind, **dataclasses.asdict(k)} for k in spec.layers],
        "horizon": spec.horizon,
        "quantiles": list(spec.quantiles),
        "sample_period_s": spec.sample_period_s and float(spec.sample_period_s),
        "vocabulary": list(spec.vocabulary),
    }
    return json.dumps(
        content,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def spec_from_json(text: str, *, where: str) -> ModelSpec:
    """The ModelSpec that `text` describes.

    Args:
        text: JSON as written by `spec_to_json`.
        where: name of the file, for messages.

    Raises:
        FormatError: not JSON, a newer format version, a missing, unknown or wrong field.
    """
    try:
        content = json.loads(text)
        version = content.pop("format_version")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise FormatError(
            f"{where}: the model description is not the JSON of a ModelSpec. "
            "The file was changed or not written by rnnedge; export it again."
        ) from None
    check_format_version(version, where=where)
    try:
        return ModelSpec(
            features=tuple(
                Feature(**_fields(item)) for item in content.pop("features")
            ),
            targets=tuple(Target(**_fields(item)) for item in content.pop("targets")),
            derived=tuple(
                DerivedInput(**_fields(item)) for item in content.pop("derived")
            ),
            layers=tuple(_layer(item) for item in content.pop("layers")),
            quantiles=tuple(content.pop("quantiles")),
            vocabulary=tuple(content.pop("vocabulary")),
            **content,
        )
    except (SpecError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"{where}: the model description does not hold together: {error} "
            "The file was changed or not written by rnnedge; export it again."
        ) from None


def check_format_version(version: object, *, where: str) -> None:
    """Raise FormatError unless this library reads files of `version`."""
    if version == FORMAT_VERSION:
        return
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise FormatError(
            f"{where}: format version {version} is newer than version {FORMAT_VERSION}, "
            "which this rnnedge reads. Upgrade with: pip install --upgrade rnnedge."
        )
    raise FormatError(
        f"{where}: format version {version!r} is unknown, expected {FORMAT_VERSION}. "
        "The file was changed or not written by rnnedge; export it again."
    )


def _float32(value: float) -> float:
    return float(np.float32(value))


def _feature_fields(feature: Feature) -> dict[str, Any]:
    fields = dataclasses.asdict(feature)
    fields["initial"] = _float32(feature.initial)
    if feature.clip is not None:
        fields["clip"] = [_float32(bound) for bound in feature.clip]
    return fields


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _fields(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _tuples(value) for name, value in item.items()}


def _layer(item: dict[str, Any]) -> Layer:
    fields = _fields(item)
    return LAYER_KINDS[fields.pop("kind")](**fields)
