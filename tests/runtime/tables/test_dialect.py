"""What is found out about a table of text, and what is refused with a remedy."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.tables.table import read_table, table_of_text
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.reading import RowReader, read_rows
from rnnedge_runtime.tables.text.column_reader import ColumnReader
from rnnedge_runtime.tables.text.dialect import HEAD_LINES, Dialect, find_dialect
from rnnedge_runtime.tables.text.encoding import TextLines, find_encoding
from rnnedge_runtime.tables.text.number_rules import NumberFormat, NumberRules
from rnnedge_runtime.tables.text.number_text import (
    certain_decimal,
    number_in,
    split_number,
)


def dialect_of(text: str, **options: object) -> Dialect:
    lines = list(io.StringIO(text, newline=""))
    return find_dialect(lines, where="x.csv", options=TableOptions(**options))


def reader_of(lines: object, *names: str) -> RowReader:
    spec = ModelSpec(
        features=tuple(Feature(name) for name in names),
        targets=(Target(names[0]),),
        layers=(Linear(len(names), 1),),
    )
    return read_rows(lines, spec, where="x.csv")


def column(cells: list[str], name: str = "p", mark: str = ";") -> str:
    lines = [f"2024-01-01 {k % 24:02d}:00{mark}{cell}" for k, cell in enumerate(cells)]
    return f"time{mark}{name}\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b", ","),
        ("a;b,c;d", ";"),
        ("a\tb", "\t"),
        ("a|b", "|"),
        ("alone", ","),
        ('"a,b,c";d', ";"),
    ],
)
def test_the_delimiter_of_a_header_alone(header: str, delimiter: str) -> None:
    assert dialect_of(header).shape.delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("t;v\n2024-01-01 00:00;1,5\n2024-01-01 01:00;2,5\n", ";"),
        ("t;a;b\n1,5;2,5;3,5\n4,5;5,5;6,5\n", ";"),
        ("t\ta\n1,5\t2,5\n", "\t"),
        ('t,a\n"Mar 01, 2024","1,5"\n"Mar 02, 2024","2,5"\n', ","),
        ("t a\n1 2\n3 4\n", " "),
        ("t|a b\n1|2 3\n", "|"),
        ("entity,state,at\ns.a,unknown,2024-01-01\ns.b,1;2,2024-01-02\n", ","),
    ],
)
def test_the_delimiter_is_found_in_rows(text: str, delimiter: str) -> None:
    assert dialect_of(text).shape.delimiter == delimiter


@pytest.mark.parametrize("said", [";", "tab", "\\t", "space"])
def test_the_delimiter_that_is_said(said: str) -> None:
    mark = {"tab": "\t", "\\t": "\t", "space": " "}.get(said, said)
    text = f"a,x{mark}b,y\n1,5{mark}2,5\n"
    assert dialect_of(text, delimiter=said).names == ("a,x", "b,y")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"delimiter": "ab"}, "the delimiter 'ab' is not one character"),
        ({"decimal": "x"}, "decimal mark 'x' is neither a point nor a comma"),
        ({"missing_values": ("x",)}, "'x' does not name a number"),
        (
            {"missing_values": ("q=-9",)},
            "names no column of the table, which has time, p",
        ),
        ({"skip_rows": 99}, "no line with text is left after --skip-rows 99"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, object], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        dialect_of(column(["1", "2"]), **options)


def test_encodings_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"no encoding 'utf-99'\. Give --encoding one"):
        find_encoding(b"a", where="x.csv", given="utf-99")
    with pytest.raises(DataError, match="no encoding 'base64'"):
        find_encoding(b"a", where="x.csv", given="base64")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("given", [False, True])
def test_encodings_are_found_or_taken(encoding: str, given: bool) -> None:
    raw = "time,größe °C\n1,2\n".encode(encoding)
    said = encoding if given else None
    found = find_encoding(raw, where="x.csv", given=said)
    assert raw.decode(found.name) == "time,größe °C\n1,2\n"
    assert bool(found.note) == (encoding != "utf-8" and not given)


def test_a_character_cut_at_the_end_of_the_head_is_utf_8() -> None:
    assert find_encoding("größe".encode()[:3], where="x.csv").name == "utf-8-sig"


@given(st.floats(-1e9, 1e9), st.integers(0, 6), st.sampled_from((".", ",")))
def test_a_number_means_the_same_with_and_without_groups(
    value: float, places: int, decimal: str
) -> None:
    plain = f"{value:.{places}f}"
    text = f"{value:,.{places}f}"
    if decimal == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    shape = split_number(text)
    assert shape is not None
    assert number_in(shape, decimal) == float(plain)
    assert certain_decimal(shape) in (decimal, None)
    for unit in (" °C", "%", " kWh", "€"):
        shape = split_number(text + unit)
        assert shape is not None
        assert (number_in(shape, decimal), shape.affix) == (float(plain), unit.strip())


@pytest.mark.parametrize(
    "text",
    ["01.03.2019", "12:30", "2019-03-01", "1.2.3", "1,2,3", "12,34.5", "a1", "5-"],
)
def test_no_numbers(text: str) -> None:
    shape = split_number(text)
    assert shape is None or number_in(shape, ".") is number_in(shape, ",") is None


def test_the_first_cell_with_a_mark_decides_far_below_the_head(tmp_path: Path) -> None:
    cells = ["7"] * (HEAD_LINES + 50)
    for late, first in (("1,5", 1.5), ("1.5", 1.5)):
        text = column([*cells, late, "8"])
        table = table_of_text(text, where="x.csv", stem="x")
        assert table.numbers("p").values[-2:].tolist() == [first, 8]
        lines = TextLines(iter(io.StringIO(text)))
        readings = [row.readings[0] for row in reader_of(lines, "p").rows]
        assert readings[-2:] == [first, 8]


def test_a_late_number_with_two_readings_is_refused_by_both() -> None:
    text = column(["7"] * (HEAD_LINES + 50) + ["1.924"])
    expected = r"'1\.924' in row 1051, which is 1\.924 with a decimal point and 1924"
    with pytest.raises(DataError, match=expected):
        table_of_text(text, where="x.csv", stem="x").numbers("p")
    with pytest.raises(DataError, match=expected):
        list(reader_of(io.StringIO(text), "p").rows)


def test_both_marks_in_one_column_are_refused_by_both() -> None:
    text = column(["1,5"] * 9 + ["1.5"])
    number = table_of_text(text, where="x.csv", stem="x").numbers("p")
    error = str(number.error(where="x.csv", column="p"))
    assert "'1.5' in row 10" in error
    assert "if it is the other, say so with --decimal '.'" in error
    with pytest.raises(
        DataError, match=r"'1\.5' in row 10.*say so with --decimal '\.'"
    ):
        list(reader_of(io.StringIO(text), "p").rows)


def test_a_pipe_that_contradicts_its_first_cell_is_refused() -> None:
    text = 'time,p\n2024-01-01,"1,924"\n2024-01-02,"1,5"\n'
    pipe = TextLines(io.StringIO(text), is_live=True)
    rows = reader_of(pipe, "p").rows
    assert next(rows).readings[0] == 1924
    with pytest.raises(DataError, match=r"'1,5' in row 2.*--decimal ','"):
        next(rows)


@pytest.mark.parametrize("name", ["", "temp="])
def test_numbers_that_mean_missing(name: str) -> None:
    rules = NumberRules(missing_values=((name.rstrip("="), -999.0),))
    reader = ColumnReader("temp", rules, NumberFormat())
    found = [reader.read(cell, 1) for cell in ("-999", "-999.0", "-9.99e2", "-998")]
    assert np.array_equal(found, [np.nan] * 3 + [-998], equal_nan=True)
    other = ColumnReader("hum", rules, NumberFormat())
    assert np.isnan(other.read("-999", 1) or 0) == (not name)


def test_a_thousand_columns_are_looked_at_in_part() -> None:
    names = ",".join(f"n{k}" for k in range(1000))
    row = ",".join("1.25" for _ in range(1000))
    found = dialect_of(names + "\n" + (row + "\n") * 900)
    assert len(found.names) == 1000
    assert found.formats[999].decimal == "."


def test_a_pipe_of_words_ends_with_an_error() -> None:
    lines = (f"word {k} of many\n" for k in range(5000))
    with pytest.raises(DataError, match="there is no column 'p'"):
        reader_of(lines, "p")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_pieces_of_a_file_may_be_cut_anywhere(
    end: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'time,"a b",c\n' + "".join(
        f'2024-01-{k % 30 + 1:02d},"{k}",ü{k}\n' for k in range(300)
    )
    text = text.replace("ü7\n", '"x\ny"\n').replace("\n", end)
    (tmp_path / "a.csv").write_bytes(text.encode())
    whole = read_table(tmp_path / "a.csv")
    monkeypatch.setattr("rnnedge.data.tables.values.text.PIECE_BYTES", size)
    pieces = read_table(tmp_path / "a.csv")
    assert whole.num_rows == 300
    for name in whole.names:
        assert pieces.columns[name].to_list() == whole.columns[name].to_list()


def test_what_is_odd_in_the_middle_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "2024-01-01,1\n" * 50
    for size in (40, 100, 10_000):
        text = f"time,a\n{rows}# note\n\n,\ntime,a\n{rows}Total,9\nend of file\n"
        pieces = [text[k : k + size] for k in range(0, len(text), size)]
        from rnnedge.data.tables.values.text import read_text_table

        _, columns, notes = read_text_table(pieces, where="x.csv")
        assert len(columns["a"]) == 100
        assert notes == ("The last 2 lines ('Total') are left out, as no readings.",)
        broken = f"time,a\n{rows}Total\n{rows}"
        pieces = [broken[k : k + size] for k in range(0, len(broken), size)]
        with pytest.raises(DataError, match="row 51 has 1 cells"):
            read_text_table(pieces, where="x.csv")
