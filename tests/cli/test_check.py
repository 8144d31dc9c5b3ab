"""`rnnedge check`: what was read, without training."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.tables.small_runs import write_waves

from rnnedge.cli import loading, main
from rnnedge.data.tables.values import progress
from rnnedge_runtime.errors import DataError

FAST = ("--out", "run", "--epochs", "1", "--hidden-size", "4", "--quiet")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return write_waves(tmp_path / "waves.csv").name


def check(*arguments: object, stdin: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(main, ["check", *map(str, arguments)], input=stdin)
    assert result.exit_code in (0, 2), result.output
    return result


def line_of(result: Result, start: str) -> str:
    (line,) = [one for one in result.stdout.splitlines() if one.startswith(start)]
    return line


def test_without_a_target(table: str) -> None:
    result = check(table)
    assert line_of(result, "Data") == "Data      waves.csv: 500 rows"
    assert line_of(result, "Time") == (
        "Time      every 1 h, 2013-01-01T00:00:00Z to 2013-01-21T19:00:00Z"
    )
    assert line_of(result, "Stretches").startswith("Stretches 1; 0 missing rows put in")
    assert line_of(result, "Training").startswith("Training  349 rows, 2013-01-01T00")
    assert line_of(result, "b ").split()[1] == "feature"
    assert line_of(result, "b ").endswith("10 (2013-01-01T07:00:00Z)")
    assert "implausible" not in result.stdout
    assert "Targets" not in result.stdout


def test_with_a_target_it_says_what_a_training_says(table: str, tmp_path: Path) -> None:
    result = check(table, "--target", "a", "--horizon", 2)
    assert line_of(result, "Targets") == "Targets   a, up to 2 h ahead"
    assert line_of(result, "Derived") == "Derived   hour of day"
    assert "outside clip" in result.stdout
    assert line_of(result, "a ").split()[1:3] == ["target,", "feature"]
    assert [path.name for path in tmp_path.iterdir()] == [table]
    trained = CliRunner().invoke(
        main, ["train", table, "--target", "a", "--horizon", "2", *FAST]
    )
    assert trained.exit_code == 0, trained.output
    assert trained.stdout.startswith(result.stdout.rstrip("\n"))


def test_many_targets_are_not_all_named(tmp_path: Path) -> None:
    names = [f"s{k:02}" for k in range(40)]
    rows = [[str(20 + (k * j) % 41) for j in range(1, 41)] for k in range(200)]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    asked = [part for name in names for part in ("--target", name)]
    result = check(path, *asked)
    assert line_of(result, "Targets").endswith(
        "s00, s01, s02, s03, s04, s05 and 34 more, up to 1 step ahead"
    )
    assert re.search(r"\.\.\. and \d+ more columns", result.stdout)
    assert max(map(len, result.stdout.splitlines())) < 160


def test_standard_input(table: str) -> None:
    text = Path(table).read_text()
    piped = check("-", stdin=text)
    assert piped.stdout == check(table).stdout.replace(table, "standard input")
    wrong = check("-", stdin="foo\n")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("DataError: standard input: ")
    assert len(wrong.stderr.splitlines()) == 1


def test_an_odd_reading_is_counted_with_its_first_time(table: str) -> None:
    lines = Path(table).read_text().splitlines()
    cells = lines[101].split(",")
    lines[101] = f"{cells[0]},{cells[1]},1e6"
    Path(table).write_text("\n".join(lines) + "\n")
    result = check(table, "--target", "a")
    assert "1 (2013-01-05T04:00:00Z)" in line_of(result, "b ")
    assert any(line.startswith("note: ") for line in result.stdout.splitlines())
    refused = check(table, "--target", "c")
    assert refused.exit_code == 2
    assert "there is no column 'c'" in refused.stderr


def test_the_bar_ends_its_line_even_where_reading_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading.sys.stderr, "isatty", lambda: True, raising=False)

    def read() -> None:
        tell = progress._TELL.get()
        assert tell is not None
        tell(Path("small.csv"), 1, 2)
        tell(Path("large.csv"), 15_000_000, 60_000_000)
        raise DataError("no")

    with pytest.raises(DataError), loading.reading_bar():
        read()
    shown = capsys.readouterr().err
    assert shown.startswith("\rreading large.csv [########")
    assert shown.endswith(" 25%\n")
