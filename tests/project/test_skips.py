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


def exit_code(folder: Path, content: str, require: str) -> int:
    path = folder / "test_one.py"
    path.write_text(content)
    environment = {**os.environ, "RNNEDGE_REQUIRE": require, "PYTHONPATH": str(TESTS)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-c", os.devnull, str(path)],
        env=environment,
        cwd=folder,
        capture_output=True,
        check=False,
    ).returncode


@pytest.mark.parametrize("where", SKIPS)
def test_a_skip_is_a_failure_when_all_is_required(tmp_path: Path, where: str) -> None:
    assert exit_code(tmp_path, SKIPS[where], "all") in (
        pytest.ExitCode.TESTS_FAILED,
        pytest.ExitCode.INTERRUPTED,
    )
    assert exit_code(tmp_path, SKIPS[where], "") in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    )


def test_an_expected_failure_stays_one(tmp_path: Path) -> None:
    assert exit_code(tmp_path, EXPECTED_FAILURE, "all") == pytest.ExitCode.OK
