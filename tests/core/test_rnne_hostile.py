"""Damaged `.rnne` files: the C loader names the fault, the Python reader raises FormatError."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.replay import ROOT, replay

import rnnedge_runtime as runtime
from rnnedge_runtime import _native
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.rnne_file import (
    CHECKSUM_AT,
    ENTRY,
    HEADER,
    file_checksum,
    parse_rnne,
    read_sections,
)

pytestmark = pytest.mark.gcc_alone
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
    with contextlib.suppress(FormatError):
        parse_rnne(with_checksum(changed), where="file")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "\ud800"), ("clip", 0), ("clip", "x"), ("initial", 10**400), ("unit", 1)],
)
def test_wrong_value_in_the_spec_is_refused(
    field: str, value: Any, tmp_path: Path
) -> None:
    sections = read_sections(GOOD, where="file")
    content = json.loads(sections[b"SPEC"].rstrip(b"\0"))
    content["features"][0][field] = value
    path = tmp_path / "model.rnne"
    path.write_bytes(with_spec(json.dumps(content).encode()))
    with pytest.raises(
        FormatError, match=rf"^model\.rnne: .*features\[0\]\.{field} is "
    ):
        runtime.load(path, backend="numpy")


def test_padding_of_the_spec_counts_or_not() -> None:
    text = read_sections(GOOD, where="file")[b"SPEC"].rstrip(b"\0")
    expected = parse_rnne(GOOD, where="file")[0].spec
    for padding in range(5):
        content = with_spec(text + bytes(padding))
        assert parse_rnne(content, where="file")[0].spec == expected


def with_checksum(content: bytearray) -> bytes:
    checksum = file_checksum(bytes(content))
    content[CHECKSUM_AT : CHECKSUM_AT + 4] = checksum.to_bytes(4, "little")
    return bytes(content)


def with_spec(text: bytes) -> bytes:
    """`GOOD` with `text`, not padded, as section `SPEC`."""
    sections = read_sections(GOOD, where="file")
    sections[b"SPEC"] = text
    table, body = b"", b""
    offset = HEADER.size + ENTRY.size * len(sections)
    for name, section in sections.items():
        is_critical = name in (b"MODL", b"WGTS")
        table += ENTRY.pack(name, is_critical, offset + len(body), len(section))
        body += section + bytes(-len(section) % 4)
    content = bytearray(GOOD[: HEADER.size] + table + body)
    content[12:16] = len(content).to_bytes(4, "little")
    return with_checksum(content)


def test_the_loader_names_the_byte() -> None:
    """Files that differ from a good one in one word; an entry of the table has four words."""
    good = (ROOT / "runtime/core/fuzz/corpus_model/rnn.rnne").read_bytes()
    num_checked = 0
    for path in HOSTILE:
        content = path.read_bytes()
        words = {
            at // 4 * 4
            for at, (found, expected) in enumerate(zip(content, good, strict=False))
            if found != expected and at // 4 * 4 != CHECKSUM_AT
        }
        is_elsewhere = path.stem.startswith(("truncated", "bad_checksum")) or (
            path.stem in ("bad_section-one_layer_less", "bad_section-long_extended")
        )
        if len(content) != len(good) or len(words) != 1 or is_elsewhere:
            continue
        with pytest.raises(FormatError) as caught:
            _native.Model(content, "model.rnne")
        found = re.search(r"at byte ([\d,]+):", str(caught.value))
        assert found is not None
        behind = words.pop() - int(found[1].replace(",", ""))
        assert 0 <= behind <= 12, path.stem
        num_checked += 1
    assert num_checked >= 18
