"""What an int8 export is asked for, and the layers it keeps in float."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import ShapeError, SpecError
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.tolerances import MAX_DIFFERENCE, MAX_LOSS

from ..capture.original import Original
from ..compare.verification_stream import verification_stream
from ..formats.registry import FORMATS
from .quantiser import quantise
from .ranges import measure_ranges

SUFFIX = "-int8"
"""Of the name of an artifact, so that it never replaces the float one."""

CALIBRATED_SHARE = 0.7
"""Part of a stream that sets the scales; integers are judged on the rows behind it."""
_FEWEST_ROWS = 10
"""Streams shorter than this do both on all rows."""
GIVEN = "stream="
DRAWN = "a drawn stream"


@dataclass(frozen=True, slots=True)
class ScoredSeries:
    """Readings with the actual values, to score forecasts on.

    Attributes:
        x: `[T, I]` held model inputs from the first row of a series.
        y: `[T, O]` actual values, NaN in rows that are not scored.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class JudgedStream:
    """Rows to compare integers with float on, where no actual values are known.

    Attributes:
        x: `[T, I]` held model inputs, streamed from the first row.
        start: the first row that counts.
        origin: where they are from, for reports.
    """

    x: NDArray[np.float32]
    start: int
    origin: str

    @property
    def words(self) -> str:
        """The rows that count, in words."""
        num_rows = len(self.x) - self.start
        part = f"the last {num_rows:,} of the " if self.start else "the "
        return f"{part}{len(self.x):,} rows of {self.origin}"


@dataclass(frozen=True, slots=True)
class Int8Data:
    """Data that integers are made and judged on.

    Attributes:
        calibration: `[T, I]` held model inputs of the training part, one per series.
        scored: the test part; () where no actual values are known.
        judged: what they are judged on then; None: a drawn stream.
    """

    calibration: tuple[NDArray[np.float32], ...]
    scored: tuple[ScoredSeries, ...] = ()
    judged: JudgedStream | None = None


@dataclass(frozen=True, slots=True)
class Int8:
    """An int8 export, checked.

    Attributes:
        data: calibration and test; None: a stream that is drawn for the model.
        keep_float: layers to keep in float, by position or kind (`find_layers`).
        max_loss: part by which the error may rise on the test part or, without actual
            values, mean difference from float as a part of the output's standard
            deviation; None: the default of either.
    """

    data: Int8Data | None
    keep_float: tuple[str | int, ...] = ()
    max_loss: float | None = None

    @property
    def limit(self) -> float:
        """`max_loss`, or the default of what is judged."""
        if self.max_loss is not None:
            return self.max_loss
        is_scored = self.data is not None and self.data.scored
        return MAX_LOSS if is_scored else MAX_DIFFERENCE

    @property
    def notes(self) -> list[str]:
        """What the user should know of the data."""
        if self.data is None or self.data.judged is None or self.data.scored:
            return []
        if self.data.judged.origin != DRAWN:
            return []
        return [
            "int8: no data was given, so the integers were calibrated and judged on a drawn "
            "stream, which the real one need not be like. Pass stream= with rows like those "
            "the model was trained on."
        ]

    def settled(self, subject: Original) -> Int8:
        """The same with all its data: what is missing is drawn for the model."""
        data = self.data
        if subject.spec.is_opaque or (data and (data.scored or data.judged)):
            return self
        x = verification_stream(subject.spec, subject.weights)
        return replace(self, data=_judged_on(data, x, DRAWN))

    def quantise(self, subject: Original) -> QuantisedModel:
        """The integer model of a chain of layers.

        Raises:
            SpecError: the module is no chain of layers, a layer to keep is unknown, none
                is left in integers, or one has no integer form; the message names it.
            ShapeError: the calibration stream is not `[T, I]`.
        """
        spec = subject.spec
        if spec.is_opaque:
            raise SpecError(
                f"export: int8 was asked for, but {type(subject.module).__name__} is not a "
                f"chain of layers: {subject.reason}. Leave out --int8, or build it of the "
                "layers rnnedge knows."
            )
        kept = find_layers(spec, self.keep_float)
        if all(part.role == "float" for part in layer_roles(spec, kept)):
            raise SpecError(
                "export: int8 was asked for, but all layers are kept in float. "
                "Keep fewer of them, or leave out --int8."
            )
        assert self.data is not None
        for x in self.data.calibration:
            if x.ndim != 2 or x.shape[1] != spec.input_size:
                raise ShapeError(
                    f"export: the calibration stream has shape {list(x.shape)}, expected "
                    f"[T, I={spec.input_size}]. Pass held model inputs, derived columns "
                    "included."
                )
        ranges = measure_ranges(spec, subject.weights, *self.data.calibration)
        return quantise(spec, subject.weights, ranges, kept)


def read_request(
    formats: Sequence[str],
    keep_float: Sequence[str | int],
    max_loss: float | None,
    data: Int8Data | None,
    stream: NDArray[np.floating] | None,
) -> Int8:
    """What `export` was asked for, checked; the defaults are those of `export`.

    Raises:
        SpecError: a format that holds no integers, or a limit that is none.
    """
    holding = [item.name for item in FORMATS.values() if not item.no_integers]
    for name in formats:
        if name not in holding:
            raise SpecError(
                f"export: int8 was asked for with the format {name}: "
                f"{FORMATS[name].no_integers}. Leave out --int8, or name --format "
                f"{' or '.join(holding)}."
            )
    if max_loss is not None and not (math.isfinite(max_loss) and max_loss >= 0):
        raise SpecError(
            f"export: max_loss is {max_loss}, expected a part of the error, 0 or more. "
            "0.01 lets it rise by 1 %."
        )
    if stream is not None:
        data = _judged_on(data, np.asarray(stream, dtype=np.float32), GIVEN)
    return Int8(data, tuple(keep_float), max_loss)


def _judged_on(data: Int8Data | None, x: NDArray[np.float32], origin: str) -> Int8Data:
    """`data`, judged on a stream `[T, I]` where nothing else is known.

    Without data its first rows set the scales, and the rest is judged on.
    """
    if data is not None:
        is_judged = data.scored or data.judged
        return data if is_judged else replace(data, judged=JudgedStream(x, 0, origin))
    num_rows = len(x) if x.ndim else 0
    start = int(CALIBRATED_SHARE * num_rows) if num_rows >= _FEWEST_ROWS else 0
    return Int8Data((x[:start] if start else x,), (), JudgedStream(x, start, origin))


def find_layers(spec: ModelSpec, names: Sequence[str | int]) -> frozenset[int]:
    """Positions of layers named as `3`, `layers.3`, or by a kind that is there once.

    Raises:
        SpecError: no layer, or several, go by a name; the message lists the layers.
    """
    listed = [layer_name(spec, k) for k in range(len(spec.layers))]
    found = set()
    for name in map(str, names):
        position = name.removeprefix("layers.")
        is_position = position.isascii() and position.isdigit()
        given = int(position) if is_position else name
        places = [k for k, layer in enumerate(spec.layers) if given in (k, layer.kind)]
        if len(places) != 1:
            problem = f"{len(places)} layers are of this kind"
            if not places:
                problem = "there is no such layer"
            raise SpecError(
                f"export: keep_float is '{name}', but {problem}. Name one by its position: "
                f"{', '.join(listed)}."
            )
        found.add(places[0])
    return frozenset(found)


def layer_name(spec: ModelSpec, k: int) -> str:
    """A layer as reports name it: `2 linear`."""
    return f"{k} {spec.layers[k].kind}"
