"""Small tables as people have them, read by training, by a device, and from a pipe."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.tables.messy_tables import CASES, Messy

from rnnedge.cli.loading import open_lines
from rnnedge.data.tables.table import Table, read_table
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.text.encoding import TextLines

NEED_MORE_ROWS = (
    "to_string.txt",
    "percent_names.txt",
    "described.csv",
    "like_names.csv",
    "filled.csv",
)
"""Tables whose names only the second or third row gives away."""

EACH = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def written(case: Messy, folder: Path) -> Path:
    path = folder / case.name
    path.write_bytes(case.raw)
    return path


def all_numbers(table: Table) -> dict[str, np.ndarray]:
    """The columns of numbers; raises the error of a column that is mostly numbers."""
    found = {}
    for name in table.names:
        column = table.numbers(name)
        if column.num_texts and column.is_mostly_numbers:
            raise column.error(where=table.where, column=name)
        if not column.num_texts:
            found[name] = column.values
    return found


def on_device(
    lines: TextLines | Iterator[str], names: list[str], case: Messy
) -> tuple[np.ndarray, list[str]]:
    spec = ModelSpec(
        features=tuple(Feature(name) for name in names),
        targets=(Target(names[0]),),
        layers=(Linear(len(names), 1),),
    )
    options = case.options
    reader = read_rows(lines, spec, where=case.name, options=options)
    return np.array([row.readings for row in reader.rows]), reader.notes


@EACH
def test_training_reads_what_a_careful_person_reads(
    case: Messy, tmp_path: Path
) -> None:
    path = written(case, tmp_path)
    if case.refused:
        with pytest.raises(DataError, match=case.refused):
            all_numbers(read_table(path, case.options))
        return
    table = read_table(path, case.options)
    assert tuple(table.names) == case.names
    assert table.num_rows == case.num_rows
    columns = all_numbers(table)
    for name, expected in case.first.items():
        found = columns[name][:2] if table.num_rows > 1 else columns[name][[0, 0]]
        assert np.allclose(found, expected, rtol=1e-9, equal_nan=True)
    assert {name: table.units.get(name) for name in case.units} == case.units
    assert len(table.notes) == len(case.notes), table.notes
    for note, part in zip(table.notes, case.notes, strict=True):
        assert part in note


@EACH
def test_a_device_reads_the_same(case: Messy, tmp_path: Path) -> None:
    path = written(case, tmp_path)
    if case.refused:
        names = [name for name in case.names[1:] if name]
        with (
            pytest.raises(DataError, match=case.refused),
            open_lines(str(path), case.options) as lines,
        ):
            on_device(lines, names, case)
        return
    table = read_table(path, case.options)
    columns = {name: values for name, values in all_numbers(table).items() if name}
    with open_lines(str(path), case.options) as lines:
        readings, notes = on_device(lines, list(columns), case)
    expected = np.stack(list(columns.values()), axis=1).astype(np.float32)
    assert np.array_equal(readings, expected, equal_nan=True)
    assert tuple(notes) == table.notes


@EACH
def test_a_pipe_gives_the_same_or_is_refused(case: Messy, tmp_path: Path) -> None:
    path = written(case, tmp_path)
    try:
        columns = all_numbers(read_table(path, case.options))
    except DataError:
        return
    names = [name for name in columns if name]
    expected = np.stack([columns[name] for name in names], axis=1).astype(np.float32)
    with open_lines(str(path), case.options) as lines:
        try:
            readings, _ = on_device(iter(list(lines)), names, case)
        except DataError as error:
            # a pipe decides by its first row, here one of words under the names as well
            told = ("--decimal", "magnitude", "--time-format")
            assert any(word in str(error) for word in told)  # noqa: PT017
            return
    assert np.array_equal(readings, expected, equal_nan=True)


@EACH
def test_a_pipe_is_answered_at_its_first_row(case: Messy, tmp_path: Path) -> None:
    if case.refused or len(case.names) < 2 or case.name in NEED_MORE_ROWS:
        return
    path = written(case, tmp_path)
    name = next(name for name in case.first if name)
    with open_lines(str(path), case.options) as lines:
        content = list(lines)
    table = read_table(path, case.options)
    first = next(k for k, line in enumerate(content) if _has_first_row(line, table))
    served = itertools.count()
    pipe = (line for line, _ in zip(content, served, strict=False))
    spec = ModelSpec((Feature(name),), (Target(name),), (Linear(1, 1),))
    reader = read_rows(pipe, spec, where="pipe", options=case.options)
    next(reader.rows)
    assert next(served) <= first + 1


def _has_first_row(line: str, table: Table) -> bool:
    cells = [str(column[0]) for column in table.columns.values()]
    at = 0
    for cell in cells:
        at = line.replace('""', '"').find(cell.strip(), at)
        if at < 0:
            return False
    return line.strip().strip('"').startswith(cells[0].strip())


def test_a_packed_table_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("time,größe\n1,2\n".encode("utf-16")))
    assert read_table(path).names == ["time", "größe"]
    with open_lines(str(path)) as lines:
        assert list(lines) == ["time,größe\n", "1,2\n"]
        assert lines.notes == ("The text is UTF-16.",)
