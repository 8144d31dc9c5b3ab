"""The table of formats: every row is whole, and nothing heavy is loaded with it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from rnnedge_export.formats.registry import FORMATS, Format, Later, format_of
from rnnedge_runtime.backends import BACKENDS
from rnnedge_runtime.errors import FormatError

TARGETS = (
    "write",
    "read",
    "describer",
    "loader",
    "find_tool",
    "read_long_run",
    "missing_beside",
    "read_source",
)


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_what_a_row_names_is_there(row: Format) -> None:
    for field in TARGETS:
        value = getattr(row, field)
        if isinstance(value, Later):
            module, _, function = value.target.partition(":")
            found = importlib.import_module(module, "rnnedge_export.formats")
            assert callable(getattr(found, function)), field
    assert row.backend is None or row.suffix in BACKENDS[row.backend].suffixes
    assert row.loader or any(row.suffix in b.suffixes for b in BACKENDS.values())


def test_a_file_is_of_the_format_of_its_ending() -> None:
    for name, row in FORMATS.items():
        assert row.name == name
        assert format_of(f"a.b/model{row.suffix.upper()}") is row


def test_a_header_is_only_part_of_a_model() -> None:
    with pytest.raises(FormatError, match=r"Name the source beside it, model\.c"):
        format_of("somewhere/model.h")


def test_the_table_loads_nothing_heavy() -> None:
    code = (
        "import sys, rnnedge_export.formats.registry as r; r.FORMATS['c'].find_tool();"
        "print({'torch', 'onnx', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
