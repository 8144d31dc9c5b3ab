"""Tables of very many columns: row `cols.py N`. Counts of work, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnedge.data.loading import load_dataset
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.text.dialect import find_dialect

READ = ("temp_c", "wind_ms")
SPEC = ModelSpec(
    tuple(map(Feature, READ)),
    (Target("temp_c"),),
    (Linear(2, 1),),
    sample_period_s=3600,
)


def table(count: int, name: Callable[[int], str] = "c{}".format) -> list[str]:
    header = ["time", *READ, *map(name, range(count))]
    rows = (
        [str(1_700_000_000 + 3600 * t), str(t % 7), "2", *["0"] * count]
        for t in range(8)
    )
    return [",".join(cells) + "\n" for cells in (header, *rows)]


def lines_run(work: Callable[[], object]) -> int:
    """Lines of Python executed: the same on every machine."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def assert_linear(work: Callable[[int], object], few: int = 150) -> None:
    """Twice as many columns are twice the work."""
    work(few)  # what is imported and cached
    once, twice = (lines_run(lambda size=size: work(size)) for size in (few, 2 * few))
    assert twice < 2.2 * once


def test_cols_py_rows_for_a_device() -> None:
    assert_linear(
        lambda size: list(read_rows(iter(table(size)), SPEC, where="table").rows)
    )


def test_cols_py_rows_for_a_wide_model() -> None:
    def read(size: int) -> None:
        names = (*READ, *(f"c{k}" for k in range(size)))
        spec = ModelSpec(
            tuple(map(Feature, names)),
            (Target("temp_c"),),
            (Linear(len(names), 1),),
            sample_period_s=3600,
        )
        assert len(list(read_rows(iter(table(size)), spec, where="table").rows)) == 8

    assert_linear(read)


@pytest.mark.parametrize("name", ["c{}", "same", "same_2"])
def test_cols_py_names_that_come_again(name: str) -> None:
    assert_linear(lambda size: find_dialect(table(size, name.format), where="table"))


def test_cols_py_whole_table(tmp_path: Path) -> None:
    def load(size: int) -> None:
        path = tmp_path / "table.csv"
        path.write_text("".join(table(size)))
        load_dataset(path, targets=("temp_c",))

    assert_linear(load)


def test_names_that_come_again_stay_apart() -> None:
    lines = ["a,a_2,a,a,b\n", *["1,2,3,4,5\n"] * 4]
    dialect = find_dialect(lines, where="table")
    assert dialect.names == ("a", "a_2", "a_3", "a_4", "b")
    assert len(dialect.notes) == 2


def test_message_about_a_column_is_short() -> None:
    lines = table(20_000, "x{}".format)
    lines[0] = lines[0].replace("temp_c", "other")
    with pytest.raises(
        DataError, match=r"no column .temp_c.*and 19,9\d\d more"
    ) as caught:
        read_rows(iter(lines), SPEC, where="table")
    assert len(str(caught.value)) < 1000
