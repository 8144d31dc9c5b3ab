"""Under RNNEDGE_REQUIRE=all a skip fails, wherever it comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SKIPS = {
    "in a test": "import pytest\ndef test_it():\n    pytest.skip('absent')\n",
    "by a mark": "import pytest\n@pytest.mark.skip\ndef test_it():\n    pass\n",
    "of a module": "import pytest\npytest.importorskip('no_such_package')\n",
    "in a fixture": (
        "import pytest\n@pytest.fixture\ndef part():\n    pytest.skip('absent')\n"
        "def test_it(part):\n    pass\n"
    ),
}
EXPECTED_FAILURE = (
    "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it():\n    assert 0\n"
    "def test_other():\n    pass\n"
)


def failed(folder: Path, contents: dict[str, str], require: str) -> set[str]:
    """The names of `contents` whose file fails, or cannot be collected."""
    paths = {where: folder / f"test_{where.replace(' ', '_')}.py" for where in contents}
    for where, path in paths.items():
        path.write_text(contents[where])
    environment = {**os.environ, "RNNEDGE_REQUIRE": require, "PYTHONPATH": str(TESTS)}
    options = ["-p", "conftest", "-c", os.devnull, "-rfE"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *options),
            *("--continue-on-collection-errors", *map(str, paths.values())),
        ],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith(("FAILED", "ERROR "))]
    found = {
        where
        for where, path in paths.items()
        if any(path.name in line for line in lines)
    }
    assert bool(found) == (done.returncode == pytest.ExitCode.TESTS_FAILED), done.stdout
    return found


def test_a_skip_is_a_failure_when_all_is_required(tmp_path: Path) -> None:
    assert failed(tmp_path, SKIPS, "all") == set(SKIPS)
    assert failed(tmp_path, SKIPS, "") == set()


def test_an_expected_failure_stays_one(tmp_path: Path) -> None:
    assert failed(tmp_path, {"expected": EXPECTED_FAILURE}, "all") == set()
