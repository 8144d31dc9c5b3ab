"""Drawn tables of text against polars; changed ones raise DataError at worst.

    PYTHONPATH=tests python -m support.studies.fuzz_tables SECONDS [SEED]

Exit code 1 and the seed at the first disagreement.
"""

from __future__ import annotations

import contextlib
import io
import math
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rnnedge.cli.loading import open_lines
from rnnedge.data.tables.table import Table, read_table, table_of_text
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.text.encoding import TextLines

WORDS = ("", "NA", "n/a", "NaN", "null", "None", "-", "?", "unknown", "#N/A", "--", ".")
ENDS = ("\n", "\r\n")
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252")


@dataclass(frozen=True)
class Drawn:
    """A well-formed table.

    Attributes:
        names: of its columns, the first a time.
        text: all of it.
        delimiter: between its cells.
        decimal: its decimal mark.
        encoding: of its bytes.
    """

    names: list[str]
    text: str
    delimiter: str
    decimal: str
    encoding: str

    @property
    def raw(self) -> bytes:
        return self.text.encode(self.encoding)


def draw(rng: random.Random) -> Drawn:
    """A table of readings as a logger writes it."""
    delimiter = rng.choice(",,;;\t| ")
    decimal = "." if delimiter == "," and rng.random() < 0.8 else rng.choice(".,")
    quotes = rng.choice(("few", "few", "few", "all", "texts"))
    encoding = rng.choice(ENCODINGS)
    names = ["time", *(_name(rng, k) for k in range(rng.randint(1, 5)))]
    if encoding == "cp1252":
        names[-1] += " °C"
    kinds = [rng.choice(("real", "real", "count", "large", "word")) for _ in names[1:]]
    words = rng.sample(WORDS[1:] if delimiter == " " else WORDS, 3)
    joint = "T" if delimiter == " " else " "
    share = rng.choice((0.0, 0.1, 0.5))
    places = (1, 2, 4, 6) if delimiter == "," and decimal == "," else (1, 2, 3, 4, 6)
    digits = [rng.choice(places) for _ in kinds]
    lines = [names]
    for k in range(rng.randint(1, 60)):
        cells = [f"2024-01-{1 + k // 24:02d}{joint}{k % 24:02d}:00:00"]
        for kind, size in zip(kinds, digits, strict=True):
            cell = _cell(rng, kind, size).replace(".", decimal)
            cells.append(rng.choice(words) if rng.random() < share else cell)
        lines.append(cells)
    quoted = (_quoted(rng, line, delimiter, quotes) for line in lines)
    end = rng.choice(ENDS)
    text = end.join(delimiter.join(line) for line in quoted)
    return Drawn(names, text + end * rng.randint(0, 1), delimiter, decimal, encoding)


def _name(rng: random.Random, k: int) -> str:
    return rng.choice(("temp", "hum", "flow [l/min]", "T,in", "p;out", "x y")) + f"_{k}"


def _cell(rng: random.Random, kind: str, places: int) -> str:
    if kind == "count":
        return str(rng.randint(-5, 2000))
    if kind == "large":
        return repr(rng.uniform(-1e6, 1e6) * 10 ** rng.randint(-9, 9))
    if kind == "word":
        return rng.choice(("auto", "manual", "eco mode", 'say "x"', "a,b", "a;b"))
    return f"{rng.gauss(20, 30):.{places}f}"


def _quoted(
    rng: random.Random, line: list[str], delimiter: str, quotes: str
) -> Iterable[str]:
    for cell in line:
        must = any(mark in cell for mark in (delimiter, '"'))
        if must or quotes == "all" or (quotes == "texts" and cell[:1].isalpha()):
            yield '"' + cell.replace('"', '""') + '"'
        else:
            yield cell


def by_polars(drawn: Drawn) -> dict[str, list[float] | None]:
    """The numbers of each column as polars reads them; None for a column of words."""
    frame = pl.read_csv(
        io.BytesIO(drawn.text.encode()),
        separator=drawn.delimiter,
        infer_schema=False,
    ).fill_null("")
    missing = {word.lower() for word in WORDS}
    found: dict[str, list[float] | None] = {}
    for column in frame.get_columns()[1:]:
        text = column.str.replace(drawn.decimal, ".", literal=True)
        values = text.cast(pl.Float64, strict=False).to_list()
        is_missing = [cell.lower() in missing for cell in column.to_list()]
        numbers = [
            math.nan if gap else value
            for gap, value in zip(is_missing, values, strict=True)
        ]
        found[column.name] = None if None in numbers else numbers  # type: ignore[assignment]
    return found


def by_training(table: Table) -> dict[str, list[float] | None]:
    """The same as training reads it."""
    found: dict[str, list[float] | None] = {}
    for name in table.names[1:]:
        column = table.numbers(name)
        found[name] = None if column.num_texts else column.values.tolist()
    return found


def by_device(lines: object, names: list[str]) -> np.ndarray:
    """The readings of some columns as a device reads them."""
    spec = ModelSpec(
        features=tuple(Feature(name) for name in names),
        targets=(Target(names[0]),),
        layers=(Linear(len(names), 1),),
    )
    reader = read_rows(lines, spec, where="drawn", time="time")  # type: ignore[arg-type]
    return np.array([row.readings for row in reader.rows])


def check_agreement(seed: int, folder: Path) -> None:
    """Raise AssertionError where training, device and polars read a drawn table apart."""
    drawn = draw(random.Random(seed))
    path = folder / "drawn.csv"
    path.write_bytes(drawn.raw)
    try:
        found = by_training(read_table(path))
    except DataError as error:
        if "--decimal" in str(error):
            return
        raise
    expected = by_polars(drawn)
    assert list(found) == list(expected), (list(found), list(expected))
    for name, values in expected.items():
        ours = found[name]
        assert (ours is None) == (values is None), name
        if ours is not None:
            assert np.array_equal(ours, values, equal_nan=True), name
    names = [name for name, values in found.items() if values is not None]
    if names:
        columns = np.array([found[name] for name in names], dtype=np.float64).T
        with open_lines(str(path)) as lines:
            readings = by_device(lines, names)
        assert np.array_equal(readings, columns.astype(np.float32), equal_nan=True)


def change(rng: random.Random, raw: bytes) -> bytes:
    """A table with a few bytes or lines added, taken out or changed."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            raw = raw[:at]
        elif kind == 1:
            raw = raw[:at] + bytes([rng.randrange(256)]) + raw[at:]
        elif kind == 2:
            raw = (
                raw[:at]
                + rng.choice((b'"', b",", b"#", b"\n", b"\0", b";", b" "))
                + raw[at:]
            )
        elif kind == 3:
            raw = raw[:at] + raw[at + rng.randint(1, 30) :]
        elif kind == 4:
            lines = raw.split(b"\n")
            k = rng.randrange(len(lines))
            raw = b"\n".join(lines[:k] + lines[k + 1 :])
        else:
            word = rng.choice(
                (b"1.234", b"1,5", b"on", b"20 C", b"NAN", b"5%", b"# x", b"Total")
            )
            raw = raw[:at] + word + raw[at:]
    return raw


def check_changed(seed: int, folder: Path) -> None:
    """Read a changed table: the same by training and device, or DataError, nothing else."""
    rng = random.Random(seed)
    drawn = draw(rng)
    path = folder / "changed.csv"
    path.write_bytes(change(rng, drawn.raw))
    try:
        table = read_table(path)
        found = by_training(table)
    except DataError:
        found = {}
    names = [name for name, values in found.items() if values is not None and name]
    for is_live in (False, True):
        try:
            with open_lines(str(path)) as lines:
                lines = TextLines(lines.lines, is_live=is_live)
                readings = by_device(lines, names or drawn.names[1:])
        except DataError:
            continue
        if names and not is_live and len(readings) == table.num_rows:
            columns = np.array([found[name] for name in names], dtype=np.float64).T
            same = np.array_equal(readings, columns.astype(np.float32), equal_nan=True)
            assert same, "training and device"


def check_text(seed: int) -> None:
    """Read a text without any sense: DataError, or a table."""
    rng = random.Random(seed)
    letters = rng.choice(
        ('0123456789.,;\n"', " \t\n01#-", "abc\n,12", '",\n', "\r\n\t ;|x1")
    )
    text = "".join(rng.choice(letters) for _ in range(rng.randint(0, 200)))
    with contextlib.suppress(DataError):
        by_training(table_of_text(text, where="text", stem="text"))
    with contextlib.suppress(DataError):
        by_device(iter(io.StringIO(text, newline="")), ["a"])


def main(seconds: float, seed: int) -> int:
    """Draw tables for some seconds."""
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        start = seed
        while time.monotonic() < end:
            try:
                check_agreement(seed, Path(folder))
                check_changed(seed, Path(folder))
                check_text(seed)
            except Exception:
                traceback.print_exc()
                print(f"tables: seed {seed} fails")
                return 1
            seed += 1
    print(f"tables: {seed - start:,} seeds from {start}, no disagreement")
    return 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(float(arguments[0]), int(arguments[1]) if arguments[1:] else 0))
