"""Tiny models as WebAssembly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.artifacts import describe
from support.c_integer_models import DrawnIntegers
from support.run_helpers import COLUMNS, MEANS
from support.strategies import random_readings, random_weights

from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.wasm.building import IDENTIFIER, build_wasm, javascript
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.state_rules import StateRules

TOOLS = ("clang-14", "wasm-ld-14", "node")


def weights_of(spec: ModelSpec, seed: int) -> Weights:
    """Random ones, the scaler of the weather that of its readings."""
    weights = random_weights(spec, np.random.default_rng(seed))
    if spec.feature_names == COLUMNS:
        weights["layers.0.shift"] = np.array([*MEANS, 0, 0], np.float32)
        scale = [0.1, 0.1, 0.05, 0.3, 0.1, 1, 1]
        weights["layers.0.scale"] = np.array(scale, np.float32)
    return weights


def write_integer_wasm(model: QuantisedModel, path: Path, *, simd: bool = True) -> Path:
    """`NAME.wasm` and `NAME.js` of a model in integers."""
    drawn = DrawnIntegers(
        model, random_readings(model.spec, np.random.default_rng(0), 64)
    )
    source = generate_source(drawn.metadata, model, IDENTIFIER)
    states = StateRules(model)
    path.write_bytes(
        build_wasm(source, drawn.metadata, path.name, states=states, simd=simd)
    )
    path.with_suffix(".js").write_text(javascript(path.name))
    return path


def write_wasm(spec: ModelSpec, seed: int, path: Path, *, simd: bool = True) -> Path:
    """`NAME.wasm` and `NAME.js` of a model drawn by its seed."""
    weights = weights_of(spec, seed)
    metadata = describe(spec, weights)
    source = generate_source(metadata, weights, IDENTIFIER)
    states = StateRules(weights)
    path.write_bytes(build_wasm(source, metadata, path.name, states=states, simd=simd))
    path.with_suffix(".js").write_text(javascript(path.name))
    return path
