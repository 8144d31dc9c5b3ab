"""The options of an export: one list, checked in one place."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

import rnnedge
import rnnedge_export
from rnnedge_export.exporting.request import ExportRequest
from rnnedge_runtime.errors import FormatError, SpecError


@pytest.mark.parametrize("verb", [rnnedge.export, rnnedge_export.export])
def test_every_option_has_a_name_and_a_default_of_its_own(verb) -> None:
    """Wrong: `rnnedge.export(**options)` hid 17 names from help and type checkers."""
    given = inspect.signature(verb).parameters
    for field in dataclasses.fields(ExportRequest):
        assert given[field.name].kind is inspect.Parameter.KEYWORD_ONLY
        if field.name != "name":
            assert given[field.name].default == field.default


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ("rnne", "pdf")}, "format 'pdf' is unknown"),
        ({"name": ".."}, r"'\.\.' is not a plain file name"),
        ({"keep_float": 0}, "given without int8"),
        ({"keep_float": ("gru",)}, "given without int8"),
        ({"max_loss": 0.1}, "given without int8"),
        ({"int8": True, "formats": "rnne", "max_loss": -1.0}, "max_loss is -1.0"),
        ({"int8": True, "formats": ("rnne", "onnx")}, "ONNX Runtime's quantiser"),
        ({"simd": False}, "without the format wasm"),
        ({"board": "cortex-m4f"}, "no C source asked for"),
        ({"flash": "64k"}, "without a board"),
    ],
)
def test_a_request_is_checked_when_it_is_made(options, message) -> None:
    with pytest.raises(SpecError, match=message):
        ExportRequest(**options)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FormatError, match="is a file, expected a folder"):
        ExportRequest(out=tmp_path / "file")


def test_formats_are_taken_once_each() -> None:
    request = ExportRequest(formats=("c", "rnne", "c"))
    assert [kind.name for kind in request.asked_formats] == ["c", "rnne"]
