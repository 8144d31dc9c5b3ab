"""Blocks of a network: their table, what it may say, and the layers that come of it."""

from __future__ import annotations

import pytest

from rnnedge.tasks.blocks import (
    BLOCKS,
    Cell,
    Conv,
    Dense,
    Normed,
    blocks_to_toml,
    read_blocks,
)
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.network import network_layers
from rnnedge.tasks.stacking import STACKING
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference, Gru, Linear, Lru
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

EACH = (
    Conv(channels=8, taps=3, dilation=2),
    Normed(norm="rms"),
    Cell(units=6, cell="layernorm_gru", norm="layer", residual=True),
    Cell(units=6, cell="lru", residual=True),
    Cell(units=5, cell="lstm", proj_size=2),
    Dense(units=4, function="none"),
)


def network(**choices):
    config = TrainConfig(**choices)
    return network_layers(config, 2, 1, last=[0], changes=(0,))


def test_every_block_has_a_row():
    assert set(STACKING) == set(BLOCKS.values()) == {type(block) for block in EACH}


def test_a_table_comes_back():
    assert read_blocks(blocks_to_toml(EACH)) == EACH


def test_a_stack_of_cells_stays_a_chain():
    found = network(cell="gru", num_layers=2, hidden_size=4)
    gru = (Gru(3, 4), Gru(4, 4), Linear(4, 1))
    ends = (Affine(1, inverse=True), AddLast((0,), is_clipped=False))
    assert found.layers == (Difference(2, (0,)), Affine(3), *gru, *ends)
    assert (found.wiring, dict(found.starts)) == ((), {})
    assert network(cell="lru", hidden_size=4).layers[2] == Lru(3, 4)


@pytest.mark.parametrize(
    "choices",
    [
        {"layers": blocks_to_toml(EACH)},
        {"conv": "8x3@2", "norm": "layer", "residual": True, "head": 5},
        {"cell": "peephole_lstm", "hidden_size": 4},
        {"conv": "4x1", "hidden_size": 4},
    ],
)
def test_blocks_become_a_model_whose_ends_are_those_of_a_chain(choices):
    found = network(**choices)
    features, targets = (Feature("a"), Feature("b")), (Target("a"),)
    spec = ModelSpec(features, targets, found.layers, wiring=found.wiring)
    kinds = [type(layer) for layer in spec.layers]
    assert kinds[:2] == [Difference, Affine]
    assert kinds[-3:] == [Linear, Affine, AddLast]
    assert kinds.count(Affine) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[layers", "not TOML"),
        ("", r"expected \[\[layers\]\]"),
        ("a = 1", r"expected \[\[layers\]\]"),
        ('[[layers]]\nblock = "attention"', "expected one of conv, cell"),
        ('[[layers]]\nblock = "cell"', "lacks units"),
        ('[[layers]]\nblock = "cell"\nunits = 0', "an integer from 1"),
        ('[[layers]]\nblock = "cell"\nunits = true', "an integer from 1"),
        ('[[layers]]\nblock = "cell"\nunit = 4', "'unit', expected some of units"),
        ('[[layers]]\nblock = "cell"\nunits = 4\ncell = "grue"', "one of rnn, gru"),
        ('[[layers]]\nblock = "cell"\nunits = 4\nproj_size = 2', "expected an lstm"),
        ('[[layers]]\nblock = "dense"\nunits = 4\nfunction = [1]', "one of none, tanh"),
    ],
)
def test_a_table_that_is_none_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        read_blocks(text)


@pytest.mark.parametrize("conv", ["8", "8x", "0x3", "8x3@0", "8x3x2", "ax3"])
def test_a_conv_that_is_none_is_refused(conv):
    with pytest.raises(SpecError, match="expected"):
        TrainConfig(conv=conv)


def test_dropout_where_none_would_be_is_refused():
    assert TrainConfig(cell="lru", dropout=0.1).dropout
    with pytest.raises(SpecError, match="Leave --dropout out"):
        TrainConfig(cell="cifg", dropout=0.1)


def test_a_table_beside_other_choices_of_the_network_is_refused():
    with pytest.raises(SpecError, match="Leave --head or --layers out"):
        TrainConfig(layers=blocks_to_toml(EACH), head=4)
