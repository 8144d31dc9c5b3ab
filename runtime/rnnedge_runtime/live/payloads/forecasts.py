"""Forecasts as text, a line each: JSON, CSV or line protocol."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from ...tables.csv_rows import CsvRows
from ...tables.timestamps import time_text
from .line_protocol import escaped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..loop.nouns import Outcome, Place

LINE_FORMATS = ("json", "csv", "influx")


class ForecastLines:
    """Text of forecasts, one line each, without line breaks.

    A number is the shortest decimal that reads back as the same float32; what is not
    finite is null, an empty cell, or left out.

    Args:
        place: names the outputs, and the series by number.
        measurement: first word of a line of line protocol.
    """

    def __init__(self, place: Place, *, measurement: str = "forecast") -> None:
        self._names = place.names
        self._outputs = [output.name for output in place.spec.outputs]
        self._keys = [json.dumps(name) for name in self._outputs]
        self._fields = [escaped(name) for name in self._outputs]
        self._measurement = measurement.replace(",", "\\,").replace(" ", "\\ ")
        self._heads: list[str] = []

    def json(self, outcome: Outcome) -> Iterator[str]:
        """`{"series": "", "time": "2026-01-01T00:00:00Z", "temp_1": 20.5}`."""
        late = ', "late": true}' if outcome.is_late else "}"
        for number, time_us, values in _rows(outcome):
            pairs = zip(self._keys, values, strict=True)
            fields = ", ".join(f"{key}: {number_text(v) or 'null'}" for key, v in pairs)
            yield f'{self._head(number)}"{time_text(time_us)}", {fields}{late}'

    def csv(self, outcome: Outcome) -> Iterator[str]:
        """Series, time, outputs, and 1 where it is late."""
        for number, time_us, values in _rows(outcome):
            texts = [number_text(value) for value in values]
            late = "1" if outcome.is_late else ""
            yield _csv_row([self._names[number], time_text(time_us)], [*texts, late])

    def csv_header(self) -> str:
        """The names of the columns."""
        return _csv_row(["series", "time", *self._outputs, "late"], [])

    def influx(self, outcome: Outcome) -> Iterator[str]:
        """The series as a tag, outputs as fields, nanoseconds; none without a number."""
        late = ",late=true" if outcome.is_late else ""
        for number, time_us, values in _rows(outcome):
            pairs = zip(self._fields, values, strict=True)
            texts = [(key, number_text(value)) for key, value in pairs]
            fields = ",".join(f"{key}={text}" for key, text in texts if text)
            if fields:
                series = tag_value(self._names[number])
                tag = f",series={series}" if series else ""
                yield f"{self._measurement}{tag} {fields}{late} {time_us}000"

    def lines(self, outcome: Outcome, line_format: str) -> Iterator[str]:
        """The lines in one of `LINE_FORMATS`."""
        writers = {"json": self.json, "csv": self.csv, "influx": self.influx}
        return writers[line_format](outcome)

    def _head(self, number: int) -> str:
        while number >= len(self._heads):
            series = json.dumps(self._names[len(self._heads)])
            self._heads.append(f'{{"series": {series}, "time": ')
        return self._heads[number]


def number_text(value: np.float32) -> str:
    """The shortest decimal of a float32; "" where it is not finite."""
    return str(value) if isfinite(value) else ""


def tag_value(text: str) -> str:
    r"""A tag's value as line protocol writes it; a last `\`, which it cannot hold, goes."""
    return escaped(text).rstrip("\\")


def _rows(outcome: Outcome) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    yield from zip(
        outcome.series.tolist(), outcome.time_us.tolist(), outcome.values, strict=True
    )


def _csv_row(names: list[str], numbers: list[str]) -> str:
    row = io.StringIO()
    CsvRows(row).write(names, numbers)
    return row.getvalue().removesuffix("\n")
