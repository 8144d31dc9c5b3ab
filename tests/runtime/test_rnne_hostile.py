"""Damaged `.rnne` files: the C loader names the fault, the Python reader raises FormatError."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay import ROOT, replay

import rnnedge_runtime as runtime
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.rnne_file import CHECKSUM_AT, file_checksum, parse_rnne

HOSTILE = sorted((ROOT / "tests/c/hostile").glob("*.rnne"))
GOOD = (ROOT / "tests/c/tiny_gru.rnne").read_bytes()
TEXTS = {
    "not_a_model": "not an .rnne file",
    "truncated": "cut short",
    "bad_section": "a section is missing, repeated, out of place or of odd size",
    "bad_checksum": "the checksum does not match, the content was changed",
    "newer_version": "written for a newer version of the format",
    "unsupported": "something this version or machine does not know",
    "bad_model": "the description of the model does not hold together",
    "bad_weights": "a weight is NaN, infinite or out of its range",
}


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_loader_names_the_fault(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model.rnne"
    copy.write_bytes(path.read_bytes())
    status = path.stem.partition("-")[0]
    if status == "ok":
        replay("gcc-asan", copy, "test", np.zeros(0, np.float32))
        runtime.load(copy)
        return
    with pytest.raises(AssertionError, match=TEXTS[status]):
        replay("gcc-asan", copy, "test", np.zeros(0, np.float32))
    with pytest.raises(FormatError, match=r"model\.rnne: "):
        runtime.load(copy)


def test_any_changed_byte_is_refused() -> None:
    for at in range(len(GOOD)):
        changed = bytearray(GOOD)
        changed[at] ^= 1 << (at % 8)
        with pytest.raises(FormatError):
            parse_rnne(bytes(changed), where="file")


def test_any_shortened_file_is_refused() -> None:
    for size in range(len(GOOD)):
        with pytest.raises(FormatError):
            parse_rnne(GOOD[:size], where="file")


@settings(max_examples=300)
@given(at=st.integers(32, len(GOOD) - 4), value=st.integers(0, 2**32 - 1))
def test_reader_raises_format_error_behind_a_repaired_checksum(
    at: int, value: int
) -> None:
    changed = bytearray(GOOD)
    changed[at : at + 4] = value.to_bytes(4, "little")
    checksum = file_checksum(bytes(changed))
    changed[CHECKSUM_AT : CHECKSUM_AT + 4] = checksum.to_bytes(4, "little")
    with contextlib.suppress(FormatError):
        parse_rnne(bytes(changed), where="file")
