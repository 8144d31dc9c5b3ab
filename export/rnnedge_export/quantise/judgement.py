"""What an int8 export was judged on, as its artifacts hold it and `verify` repeats it.

`verify` has no rule of its own: it streams the recorded steps again through the integers and
the float model beside them, and expects the differences that the export found there.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, unfit_file
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine

from ..compare.runs import run_through

VERSION = 1
AGAIN_STEPS = 1024
"""Carried steps that `verify` repeats: the recorded ones, over and over."""

_LARGEST = 1e300
RULES = ("error", "difference")


@dataclass(frozen=True, slots=True)
class JudgedOutput:
    """One output and its limit, in its unit.

    Attributes:
        name: of the output.
        found: the rise of its error, or its mean difference from float.
        allowed: what it may be.
    """

    name: str
    found: float
    allowed: float


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """A judgement in an artifact (docs/format.md, "Judgement").

    Attributes:
        rule: `error`: what it rose by on the test part; `difference`: the mean difference
            from float, where it is not known what came.
        judged_on: which rows, in words.
        calibration_rows: rows that the scales were found on.
        max_loss: the limit, as a part of the error or of the spread.
        outputs: what was judged.
        drift_steps: carried steps of the drift.
        drift_output: the output that drifted furthest.
        drift_tenths: its largest difference in the first and in the last tenth.
        cut_off: values cut off per layer.
        counted_steps: on how many steps.
        again: `[O]` mean difference on `AGAIN_STEPS` recorded steps.
        again_limit: `[O]` what it may change by on top of rounding.
        float_digest: SHA-256 (hex) of the float model.
    """

    rule: str
    judged_on: str
    calibration_rows: int
    max_loss: float
    outputs: tuple[JudgedOutput, ...]
    drift_steps: int
    drift_output: str
    drift_tenths: tuple[float, float]
    cut_off: Mapping[str, int]
    counted_steps: int
    again: tuple[float, ...]
    again_limit: tuple[float, ...]
    float_digest: str

    @property
    def worst(self) -> JudgedOutput | None:
        """The output nearest to its limit; None where none could be judged."""

        def share(item: JudgedOutput) -> float:
            return item.found / max(item.allowed, 1e-30)

        return max(self.outputs, key=share, default=None)

    @property
    def is_within(self) -> bool:
        """Whether every output that was judged is within its limit."""
        return all(item.found <= item.allowed for item in self.outputs)

    def text(self) -> str:
        """Canonical JSON; numbers that are for people have six digits."""
        content = dataclasses.asdict(self) | {
            "outputs": [[item.name, item.found, item.allowed] for item in self.outputs],
            "max_loss": float(self.max_loss),
        }
        for name in ("steps", "output", "tenths"):
            content.setdefault("drift", {})[name] = content.pop(f"drift_{name}")
        content = _short(content) | {"version": VERSION, "again": list(self.again)}
        return json.dumps(
            content, ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )


def read_judgement(metadata: Metadata, *, where: str) -> StoredJudgement | None:
    """What the artifact of `metadata` holds; None where it holds none.

    Raises:
        FormatError: it is of a newer version, or does not fit the model.
    """
    if not metadata.int8_judgement:
        return None
    try:
        content = json.loads(metadata.int8_judgement)
        version = content["version"]
        if version == VERSION:
            return _read(content, metadata.spec.output_size)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = "the judgement of its integers does not fit the model"
        raise unfit_file(where, found) from None
    raise FormatError(
        f"{where}: the judgement of its integers is of version {version!r}, this rnnedge "
        f"reads version {VERSION}. Upgrade with: pip install --upgrade rnnedge."
    )


def again_differences(
    spec: ModelSpec, engines: tuple[Engine, Engine], recorded: NDArray[np.float32]
) -> tuple[float, ...]:
    """`[O]` mean difference of two engines on `recorded` `[T, I]`, over and over.

    These inputs are in the file, so they are the same on every machine.
    """
    x = repeated(recorded)
    outputs = (run_through(engine, spec, x) for engine in engines)
    return tuple(mean_differences(*outputs).tolist())


def repeated(recorded: NDArray[np.float32]) -> NDArray[np.float32]:
    """`[AGAIN_STEPS, I]` the recorded steps, over and over."""
    return np.resize(recorded, (AGAIN_STEPS, recorded.shape[1]))


def mean_differences(
    y: NDArray[np.floating], other: NDArray[np.floating]
) -> NDArray[np.float64]:
    """`[O]` mean magnitude of the difference of two `[T, O]`."""
    found: NDArray[np.float64] = np.abs(y.astype(np.float64) - other).mean(axis=0)
    return found


def _read(content: Mapping[str, Any], output_size: int) -> StoredJudgement:
    """Raises ValueError, KeyError, TypeError or AttributeError where it does not fit."""
    drift = content["drift"]
    first, last = _numbers(drift["tenths"], 2)
    rule = content["rule"]
    if rule not in RULES:
        raise ValueError(rule)
    return StoredJudgement(
        rule=rule,
        judged_on=str(content["judged_on"]),
        calibration_rows=_count(content["calibration_rows"]),
        max_loss=_number(content["max_loss"]),
        outputs=tuple(
            JudgedOutput(str(name), _number(found), _number(allowed))
            for name, found, allowed in content["outputs"]
        ),
        drift_steps=_count(drift["steps"]),
        drift_output=str(drift["output"]),
        drift_tenths=(first, last),
        cut_off={str(k): _count(v) for k, v in content["cut_off"].items()},
        counted_steps=_count(content["counted_steps"]),
        again=_numbers(content["again"], output_size),
        again_limit=_numbers(content["again_limit"], output_size),
        float_digest=str(content["float_digest"]),
    )


def _short(value: Any) -> Any:
    """Numbers of six digits, such as JSON has: NaN is refused at export."""
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    if not isinstance(value, float):
        return value
    limited = min(max(value, -_LARGEST), _LARGEST)
    return 0.0 if math.isnan(limited) else float(f"{limited:.6g}")


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(value)
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _numbers(values: Any, count: int) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(values)
    return tuple(_number(value) for value in values)
