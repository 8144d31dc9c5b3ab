"""How many layers a cell gets that nobody chose."""

import pytest

from rnnedge.tasks.blocks import CELLS, Cell
from rnnedge.tasks.config import TrainConfig


@pytest.mark.parametrize("cell", CELLS)
def test_lru_is_stacked_and_the_others_are_not(cell):
    expected = 2 if cell == "lru" else 1
    found = TrainConfig(cell=cell).blocks
    assert found == (Cell(cell=cell, units=64),) * expected
    assert len(TrainConfig(cell=cell, num_layers=3).blocks) == 3
