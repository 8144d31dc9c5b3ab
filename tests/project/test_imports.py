"""What an import costs: a device loads numpy only, a command line no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "onnx", "onnxruntime", "onnxscript", "polars", "matplotlib", "rich")

NEW_TOP_LEVEL = """
import sys
before = set(sys.modules)
{statement}
added = set(sys.modules) - before
print(*sorted({{name.partition(".")[0] for name in added}}))
"""


def modules_loaded_by(statement: str) -> set[str]:
    """Top-level names that a fresh interpreter holds more of after `statement`."""
    code = NEW_TOP_LEVEL.format(statement=statement)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split())


def test_the_probe_sees_a_lazy_import() -> None:
    assert "polars" in modules_loaded_by("__import__('polars')")


def test_the_runtime_loads_numpy_and_the_standard_library_only() -> None:
    loaded = modules_loaded_by("import numpy, rnnedge_runtime")
    known = modules_loaded_by("import numpy") | sys.stdlib_module_names
    assert loaded - known == {"rnnedge_runtime"}


@pytest.mark.parametrize("package", ["rnnedge", "rnnedge_export"])
def test_a_package_loads_its_heavy_parts_on_use(package: str) -> None:
    assert not modules_loaded_by(f"import {package}") & set(HEAVY)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["train", "--help"]]
)
def test_the_command_line_answers_without_the_heavy_parts(arguments: list[str]) -> None:
    statement = (
        "from rnnedge.cli import main; "
        f"main({arguments!r}, prog_name='rnnedge', standalone_mode=False)"
    )
    assert not modules_loaded_by(statement) & set(HEAVY)
