"""`rnnedge run` on one table, written as people write tables: the same forecasts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from support.run_helpers import COLUMNS, LINES, make_artifact, run

from rnnedge.cli import main


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_artifact(tmp_path_factory.mktemp("artifact"))


def german(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


WRITTEN = {
    "semicolons and decimal commas": (
        german(LINES),
        "utf-8",
        "decimal mark is the comma",
    ),
    "tabs": (LINES.replace(",", "\t"), "utf-8", ""),
    "UTF-16": (LINES, "utf-16", "The text is UTF-16."),
    "a title": (
        "Station: Kiel\n\n" + LINES,
        "utf-8",
        "1 line above the names is skipped",
    ),
    "Windows": (LINES.replace("time,", "zeit °,", 1), "cp1252", "read as Windows-1252"),
    "units": (LINES.replace("_hpa\n", "_hpa\n,C,C,%,m/s,hPa\n"), "utf-8", ""),
    "units in cells": (
        LINES.replace("59.4,", "59.4%,").replace(",60,", ",60%,"),
        "utf-8",
        "Column 'humidity_pct': its unit, %, is in its cells.",
    ),
    "a comment": (
        LINES.replace("\n2013-01-01T09", "\n# x\n2013-01-01T09", 1),
        "utf-8",
        "",
    ),
    "a footer": (
        LINES + "Average,3,-3,60,5,1013\n",
        "utf-8",
        "('Average') is left out",
    ),
}


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("source", ["file", "standard input"])
def test_the_same_forecasts(
    way: str, source: str, artifact: Path, tmp_path: Path
) -> None:
    text, encoding, note = WRITTEN[way]
    expected = run(artifact, stdin=LINES)
    assert expected.exit_code == 0
    if source == "file":
        (tmp_path / "a.csv").write_bytes(text.encode(encoding))
        result = run(artifact, "--input", tmp_path / "a.csv")
    else:
        result = CliRunner().invoke(
            main, ["run", str(artifact)], input=text.encode(encoding)
        )
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1:] == expected.stdout.splitlines()[1:]
    assert note in result.stderr


def test_a_cell_with_two_readings_is_refused(artifact: Path) -> None:
    text = LINES.replace(",", ";").replace("1012.6", "1.012").replace(";1013", ";1.013")
    text = text.replace("3.9", "4").replace("-3.3", "-3").replace("59.4", "60")
    text = text.replace("5.7", "6").replace("468.7", "468")
    result = run(artifact, stdin=text)
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    assert f"column '{COLUMNS[-1]}' holds '1.012' in row 1" in line
    assert "1.012 with a decimal point and 1012 with a decimal comma" in line
    assert "--decimal" in line
