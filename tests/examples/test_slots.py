"""The two slots of examples/firmware/common: whole records, whatever the power does."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.firmware_nodes import UNCUT, Chip
from support.programs import needs

pytestmark = needs("cc")


@pytest.mark.parametrize("size", [1, 8, 29, 100])
def test_a_cut_at_any_byte_leaves_the_old_record_or_the_new_one(
    slots: ctypes.CDLL, size: int
) -> None:
    records = [bytes([k + 1]) * size for k in range(4)]
    outcomes = set()
    for cut in range(Chip.SIZE + size + 40):
        chip = Chip(slots)
        assert chip.open(size) is None
        assert chip.keep(records[0])
        assert chip.keep(records[1])
        chip.left = cut
        is_kept = chip.keep(records[2])
        chip.left = UNCUT
        found = chip.open(size)
        assert found == records[2 if is_kept else 1]
        outcomes.add(is_kept)
        assert chip.keep(records[3])  # and it goes on
        assert chip.open(size) == records[3]
    assert outcomes == {False, True}


@settings(max_examples=100)
@given(st.lists(st.binary(min_size=29, max_size=29), min_size=1, max_size=6), st.data())
def test_the_newest_whole_record_is_found(
    slots: ctypes.CDLL, records: list[bytes], data: st.DataObject
) -> None:
    chip = Chip(slots)
    chip.open(29)
    chip.slots.sequence = data.draw(st.sampled_from([0, 1, 2**31 - 3, 2**32 - 3]))
    assert all(chip.keep(record) for record in records)
    assert chip.open(29) == records[-1]
    assert chip.open(21) is None
    chip.open(29)
    newest = chip.cells[chip.slots.newest]
    at = data.draw(st.integers(0, 16 + 32 + 7))
    newest[at] ^= 1 << data.draw(st.integers(0, 7))
    assert chip.open(29) == (records[-2] if len(records) > 1 else None)


@settings(max_examples=100)
@given(st.binary(min_size=128, max_size=128), st.binary(min_size=128, max_size=128))
def test_what_never_was_a_record_is_none(
    slots: ctypes.CDLL, one: bytes, other: bytes
) -> None:
    chip = Chip(slots)
    chip.cells = [bytearray(one), bytearray(other)]
    assert chip.open(29) is None
    assert chip.keep(bytes(29))
    assert chip.open(29) == bytes(29)
