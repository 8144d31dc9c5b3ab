"""Artifacts under temporary names."""

from __future__ import annotations

import os

import numpy as np
from support.artifacts import torch_model
from support.rnn_cells import forecaster
from support.strategies import random_weights

from rnnedge_export.exporting.export import export


def test_what_a_killed_export_left_is_neither_published_nor_in_the_way(tmp_path):
    spec = forecaster("gru-L1", hidden_size=3)
    model = torch_model(spec, random_weights(spec, np.random.default_rng(0)))
    left = tmp_path / f".{os.getpid()}.model.rnne"
    left.mkdir()
    (left / "other.rnne").write_bytes(b"half")
    export(model, formats="rnne", out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.rnne"]
