"""One meaning of a cell: whole tables on the workstation, rows on the device."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnedge.data.tables.table import Table, numbers, read_table, texts
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.rows.row import Row
from rnnedge_runtime.tables.text.cell_text import parse_reading
from rnnedge_runtime.tables.text.column_reader import ColumnReader
from rnnedge_runtime.tables.text.number_rules import NumberRules, decide_format

ODD_FILE = (
    '\ufefftime ; "temp, inside";flow [l/min];note\r\n'
    "2013-01-01T06:00:00Z;3.9;  +1e3 ;dry\r\n"
    "\r\n"
    '2013-01-01 07:00;"-3.3";N/A;"two\r\nlines; one cell"\r\n'
    "2013-01-01T09:00:00+01:00; .5;1e39;ünïcode\r\n"
    "2013-01-01T08:30Z;NULL;-inf;\r\n"
    "1357030800;true;7.;x\r\n"
    "  \r\n"
    "2013-01-01T10:00:00Z;?;0.1;last"
)
CELLS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.sampled_from(("", " ", "NA", "n/a", "NaN", "null", "None", "-", "?", "Inf")),
    st.sampled_from((" 3.9 ", "\u00a05", "+.5", "5.", "1e-400", "1e400", "TRUE", "00")),
    st.text("0123456789.eE+-", max_size=8),
)
ODD_TEXT = st.one_of(
    CELLS, st.text("0123456789.eE+-_, naifxNX\x0b\x1c\u0665\u2009", max_size=6)
)


def spec_of(*names: str, derived: tuple[DerivedInput, ...] = ()) -> ModelSpec:
    size = len(names) + 2 * len(derived)
    return ModelSpec(
        features=tuple(Feature(name) for name in names),
        targets=(Target(names[0]),),
        layers=(Linear(size, 1),),
        derived=derived,
    )


def device_rows(text: str, *names: str, time: str | None = None) -> list[Row]:
    lines = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8-sig", newline="")
    return list(read_rows(lines, spec_of(*names), where="odd.csv", time=time).rows)


def read(folder: Path, text: str) -> Table:
    path = folder / "odd.csv"
    path.write_bytes(text.encode())
    return read_table(path)


def table_of(folder: Path, text: str) -> dict[str, pl.Series]:
    return read(folder, text).columns


def test_both_readers_read_the_same_odd_file(tmp_path: Path) -> None:
    names = ["temp, inside", "flow [l/min]"]
    table = table_of(tmp_path, ODD_FILE)
    rows = device_rows(ODD_FILE, *names)
    expected = np.array(
        [
            [3.9, 1000],
            [-3.3, np.nan],
            [0.5, np.nan],
            [np.nan, np.nan],
            [1, 7],
            [np.nan, 0.1],
        ],
        dtype=np.float32,
    )
    whole = np.stack([numbers(table[name]).values for name in names], axis=1)
    assert np.array_equal(whole.astype(np.float32), expected, equal_nan=True)
    assert np.array_equal([row.readings for row in rows], expected, equal_nan=True)
    assert [row.time for row in rows] == texts(table["time"])
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert table["note"][1] == "two\r\nlines; one cell"


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(("\n", "\r\n", "\r")),
    st.sampled_from(("plain", "quoted", "mixed")),
    st.booleans(),
    st.lists(st.integers(0, 12), max_size=3),
)
def test_both_readers_agree_on_drawn_files(
    tmp_path: Path,
    cells: list[tuple[str, str, str]],
    delimiter: str,
    end: str,
    quotes: str,
    ends_with_newline: bool,
    blank_after: list[int],
) -> None:
    lines = [delimiter.join("abc")]
    for k, row in enumerate(cells):
        is_quoted = quotes == "quoted" or (quotes == "mixed" and k % 2 == 1)
        lines.append(delimiter.join(f'"{cell}"' if is_quoted else cell for cell in row))
    for k in blank_after:
        lines.insert(1 + min(k, len(cells)), "")
    text = end.join(lines) + (end if ends_with_newline else "")
    try:
        rows = device_rows(text, "a", "b", "c")
    except DataError:
        rows = []
    if not rows:
        with pytest.raises(DataError):
            strict(read(tmp_path, text))
        return
    whole = strict(read(tmp_path, text))
    assert np.array_equal([row.readings for row in rows], whole, equal_nan=True)


def strict(table: Table) -> np.ndarray:
    columns = {name: table.numbers(name) for name in table.names}
    for name, column in columns.items():
        if column.first_text:
            raise column.error(where=table.where, column=name)
    return np.stack([column.values for column in columns.values()], axis=1).astype("f4")


@given(st.lists(ODD_TEXT, max_size=20), st.sampled_from((None, ".", ",")))
@example(
    ["1_000", "0x10", "infinity", "nan(1)", "1e", "1d5", "٣", "\x0b5", "5\x1c"], None
)
@example(["1,5", "2", "1.234,5", "1.234"], None)
@example(["12 °C", "13", "14 °C", "1,234 °C"], None)
@example(["on", "OFF", "5", "true"], None)
@example(["$1,500", "-$2", "$ 3.5"], None)
@example(["1.2M", "980K", "5"], None)
def test_the_fast_path_of_a_column_means_what_a_cell_means(
    cells: list[str], decimal: str | None
) -> None:
    rules = NumberRules("odd.csv", decimal=decimal)
    format = decide_format(list(enumerate(cells, 1)), rules, column="x")
    reader = ColumnReader("x", rules, format)
    column = pl.Series("x", cells, dtype=pl.String)
    try:
        meant = [reader.read(cell, row) for row, cell in enumerate(cells, 1)]
    except DataError:
        with pytest.raises(DataError):
            numbers(column, rules=rules, format=format)
        return
    found = numbers(column, rules=rules, format=format)
    with np.errstate(over="ignore"):
        values = np.array([np.nan if v is None else v for v in meant], np.float32)
        values[np.isinf(values)] = np.nan
        assert np.array_equal(found.values.astype(np.float32), values, equal_nan=True)
    assert found.num_texts == meant.count(None)
    if found.first_text:
        row, text = found.first_text
        assert row == meant.index(None) + 1
        assert text == cells[row - 1]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_to_the_bit(value: float) -> None:
    assert parse_reading(repr(value)) == value
    assert parse_reading(f" {value:.17e}\t") == value
    column = pl.Series("x", [repr(value), f"{value:.17e}"], dtype=pl.String)
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    expected = value if np.isfinite(rounded) else np.nan
    assert np.array_equal(numbers(column).values, [expected] * 2, equal_nan=True)


@pytest.mark.parametrize("text", ["1_000", "0x10", "12a", "1,5", "on", "1 000"])
def test_text_is_no_number(text: str) -> None:
    assert parse_reading(text) is None


@pytest.mark.parametrize(
    "text", ["", " ", "NA", "n/A", "NaN", "NULL", "None", "-", "?"]
)
def test_missing_words(text: str) -> None:
    value = parse_reading(text)
    assert value is not None
    assert math.isnan(value)


def test_json_lines_give_the_same_rows() -> None:
    csv_rows = device_rows("t,a,b\n2013-01-01,1.5,\n2013-01-02,7,2\n", "b", "a")
    text = (
        '{"a": 1.5, "b": null, "t": "2013-01-01", "site": {"x": [1]}}\n\n'
        '{"t": "2013-01-02", "a": "7", "b": 2}\n'
    )
    rows = device_rows(text, "b", "a")
    assert [row.time for row in rows] == [row.time for row in csv_rows]
    assert [row.time_us for row in rows] == [row.time_us for row in csv_rows]
    for row, other in zip(rows, csv_rows, strict=True):
        assert np.array_equal(row.readings, other.readings, equal_nan=True)


def test_json_numbers_and_absent_keys() -> None:
    text = '{"time": 0, "a": true}\n{"time": 60.5}\n{"time": 120, "a": 1e999}\n'
    text += '{"time": 180, "a": NaN}\n{"time": 240, "a": 1' + "0" * 400 + "}\n"
    rows = device_rows(text, "a")
    assert [row.time for row in rows] == [0, 60.5, 120, 180, 240]
    assert rows[1].time_us == 60_500_000
    assert rows[0].readings.tolist() == [1.0]
    assert all(np.isnan(row.readings[0]) for row in rows[1:])


def device_error(text: str, *names: str, **kwargs: str) -> str:
    with pytest.raises(DataError) as error:
        device_rows(text, *names, **kwargs)
    return str(error.value)


def test_a_device_file_that_lacks_a_feature() -> None:
    for text in ("time,temp_c,wind\n", '{"time": 0, "temp_c": 1, "wind": 2}\n'):
        message = device_error(text, "temp_c", "wind_ms")
        assert message == (
            "odd.csv: there is no column 'wind_ms' for the model input, the table has "
            "time, temp_c, wind. Did you mean 'wind'?"
        )


def test_text_in_a_device_file() -> None:
    expected = "odd.csv: column 'a' holds 'fault' in row 2, expected a number. "
    assert device_error("a\n1\nfault\n", "a").startswith(expected)
    assert device_error('{"a": 1}\n{"a": "fault"}\n', "a").startswith(expected)
    assert "'[1]' in row 1" in device_error('{"a": [1]}\n', "a")
    decimals = 'a,b\n3.9,1\n"3,9",1\n'
    assert "say so with --decimal ','." in device_error(decimals, "a")


@pytest.mark.parametrize("text", ["", "\n \r\n"])
def test_an_empty_device_file(text: str) -> None:
    assert "the table is empty, expected a header" in device_error(text, "a")


def test_a_device_file_with_a_header_only_has_no_rows() -> None:
    assert device_rows("time,a\n", "a") == []


def test_broken_json() -> None:
    for second in ("{", "7", "[1]", "[" * 100_000):
        message = device_error('{"a": 1}\n' + second + "\n", "a")
        assert message.startswith("odd.csv: row 2 is not a JSON object: ")


def test_rows_cut_short_are_refused_by_both(tmp_path: Path) -> None:
    for text in ("a,b\n1,2\n3\n4,5\n", 'a,b\n1,2\n"3"\n4,5\n'):
        expected = "row 2 has 1 cells, but the table has 2 columns"
        assert expected in device_error(text, "a")
        with pytest.raises(DataError, match=expected):
            table_of(tmp_path, text)
    with pytest.raises(DataError, match="row 2 has 3 cells"):
        table_of(tmp_path, "a,b\n1,2\n1,2,3\n4,5\n")


def test_the_last_row_that_is_cut_is_left_out_by_both(tmp_path: Path) -> None:
    for text in ("a,b,c\n1,2,3\n4,5", 'a,b,c\n1,2,3\n"4","5"\n'):
        reader = read_rows(io.StringIO(text), spec_of("a"), where="odd.csv")
        assert [row.readings.tolist() for row in reader.rows] == [[1]]
        table = read(tmp_path, text)
        assert table.columns["c"].to_list() == ["3"]
        assert table.notes == tuple(reader.notes)
        assert "The last row has 2 cells of 3 and is left out" in table.notes[-1]


def test_headers_mended_by_both(tmp_path: Path) -> None:
    for text, names in (
        ("a,b,a\n1,2,3\n", ["a", "b", "a_2"]),
        ("2013,3.9\n2014,4.0\n", ["c1", "c2"]),
    ):
        table = read(tmp_path, text)
        assert table.names == names
        (note,) = table.notes
        reader = read_rows(io.StringIO(text), spec_of(names[-1]), where="odd.csv")
        assert reader.notes == [note]
        values = table.numbers(names[-1]).values.astype("f4").tolist()
        assert [row.readings[0] for row in reader.rows] == values


def test_bytes_of_another_encoding_are_refused_by_both(tmp_path: Path) -> None:
    raw = b"time,a\n" + b"1,2\n" * 20_000 + "3,größe\n".encode("latin-1")
    lines = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="")
    expected = r"byte 0xf6 is not UTF-8 text\. .* --encoding cp1252"
    with pytest.raises(DataError, match=expected):
        list(read_rows(lines, spec_of("a"), where="odd.csv").rows)
    (tmp_path / "latin.csv").write_bytes(raw)
    with pytest.raises(DataError, match=expected):
        read_table(tmp_path / "latin.csv")


def test_a_cell_too_long_for_csv_is_refused_by_both(tmp_path: Path) -> None:
    text = f'a\n"{"1" * 200_000}"\n'
    assert "row 1 is not CSV" in device_error(text, "a")
    with pytest.raises(DataError, match="row 1 is not CSV"):
        table_of(tmp_path, text)


def test_a_model_of_the_time_needs_a_time_column() -> None:
    lines = io.StringIO("a,b\n1,2\n")
    spec = spec_of("a", derived=(DerivedInput(86_400),))
    with pytest.raises(
        DataError, match="no time column is found, but the model derives"
    ):
        read_rows(lines, spec, where="odd.csv")


def test_the_named_time_column_is_taken() -> None:
    text = "time,stamp,a\n0,2013-01-01,1\n"
    assert device_rows(text, "a")[0].time == "0"
    assert device_rows(text, "a", time="stamp")[0].time == "2013-01-01"
    assert "no column 'stmp' for the time" in device_error(text, "a", time="stmp")


def test_rows_are_read_as_they_are_asked_for() -> None:
    served = 0

    def lines():
        nonlocal served
        for line in ("time,a\n", "0,1\n", "60,2\n", "120,3\n"):
            served += 1
            yield line

    reader = read_rows(lines(), spec_of("a"), where="pipe")
    next(reader.rows)
    assert served == 2
    next(reader.rows)
    assert served == 3


def test_a_gzipped_file_reads_like_the_plain_one(tmp_path: Path) -> None:
    (tmp_path / "odd.csv.gz").write_bytes(gzip.compress(ODD_FILE.encode()))
    packed = read_table(tmp_path / "odd.csv.gz")
    plain = table_of(tmp_path, ODD_FILE)
    assert packed.stem == "odd"
    assert all(packed.columns[name].equals(plain[name]) for name in plain)
