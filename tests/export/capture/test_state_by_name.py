"""The state by name in C and JavaScript: the bytes of Python, there and back."""

from __future__ import annotations

import ctypes
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import programs
from support.artifacts import describe, quantised_model, times_of
from support.c_integer_models import DrawnIntegers, compiled_integers, write_integer_c
from support.c_models import compiled, following, write_c
from support.replay import ROOT
from support.strategies import random_readings
from support.wasm_models import TOOLS, weights_of, write_integer_wasm, write_wasm

from rnnedge_export.formats.c.running import CEngine, CStream
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.spec.layers import (
    AddLast,
    Affine,
    Difference,
    Gru,
    Linear,
    Lstm,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.state_rules import StateRules
from rnnedge_runtime.streams.stream import Stream
from rnnedge_runtime.tolerances import parity_limit

INTEGER_SPEC = ModelSpec(
    features=(Feature("a", range=(-4.0, 4.0)), Feature("b", initial=0.5)),
    targets=(Target("a"),),
    layers=(
        Difference(2, (0, 1)),
        Affine(4),
        Lstm(4, 5, 3),
        Gru(3, 4),
        Rnn(4, 2),
        Linear(2, 1),
        AddLast((0,), is_clipped=False),
    ),
)
SEED = 3
NAMES = ("float32", "integers", "mixed")


@dataclass
class Case:
    """One model: in NumPy, and what its exports are made of."""

    numpy: Model
    parameters: Weights | QuantisedModel
    drawn: DrawnIntegers | None

    @property
    def spec(self) -> ModelSpec:
        return self.numpy.spec

    def limit(self, name: str) -> float | None:
        return StateRules(self.parameters).limit(name)

    def readings(self) -> np.ndarray:
        return random_readings(self.spec, np.random.default_rng(5), 9)

    def stepped(self) -> Stream:
        stream = self.numpy.stream()
        readings = self.readings()
        stream.run(readings, times_of(self.spec, len(readings)))
        return stream

    def c_engine(self, folder: Path) -> CEngine:
        if self.drawn is not None:
            return compiled_integers(
                [write_integer_c(self.drawn, "m", folder)], folder
            )[0]
        assert isinstance(self.parameters, dict)
        return compiled([write_c(self.spec, self.parameters, "m", folder)], folder)[0]


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "float32":
        spec = following("lstm-L2", "middle")
        weights = weights_of(spec, SEED)
        model = Model(describe(spec, weights, size=1), Float32Engine(spec, weights))
        return Case(model, weights, None)
    kept = frozenset({3}) if request.param == "mixed" else frozenset()
    weights = weights_of(INTEGER_SPEC, SEED)
    model = quantised_model(INTEGER_SPEC, weights, kept)
    readings = random_readings(INTEGER_SPEC, np.random.default_rng(1), 20)
    drawn = DrawnIntegers(model, readings)
    return Case(drawn.numpy, model, drawn)


def set_in_c(
    stream: CStream, header: str, name: str, values: np.ndarray, engine: CEngine
) -> int:
    """What docs/c.md says: save, write, seal, restore."""
    at, size = (
        int(re.search(rf"#define M_{name.upper()}_{key} (\d+)", header)[1])
        for key in ("AT", "SIZE")
    )
    assert size == values.size
    blob = np.frombuffer(stream.save(), np.uint8).copy()
    blob[at : at + 4 * size] = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
    engine.call("seal", blob)
    return engine.call("restore", stream._state, blob, ctypes.c_size_t(len(blob)))


def test_c_sets_a_state_by_name(case: Case, tmp_path: Path) -> None:
    programs.require("cc")
    engine = case.c_engine(tmp_path)
    header = (tmp_path / "m.h").read_text()
    state = case.stepped().state()
    stream, python = CStream(engine), case.numpy.stream()
    for name, values in state.items():
        assert set_in_c(stream, header, name, values, engine) == 0
        python.set_state({name: values})
        assert stream.save() == python.snapshot()
    assert set(state) == {
        found.lower() for found in re.findall(r"#define M_(\w+)_AT \d+", header)
    }


@dataclass
class Node:
    """A module beside its JavaScript; what a script with it in `model` prints as JSON."""

    module: Path

    def run(self, script: str) -> object:
        text = (
            f"import {{ load }} from './m.mjs';\nconst model = await load();\n{script}"
        )
        file = self.module.with_name("script.mjs")
        file.write_text(text)
        done = programs.run(
            ["node", str(file)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def node(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Node:
    programs.require(*TOOLS)
    path = tmp_path_factory.mktemp("wasm") / "m.wasm"
    if isinstance(case.parameters, QuantisedModel):
        write_integer_wasm(case.parameters, path)
    else:
        write_wasm(case.spec, SEED, path)
    path.with_suffix(".js").rename(path.with_suffix(".mjs"))
    return Node(path)


def test_javascript_gets_and_sets_a_state_by_name(case: Case, node: Node) -> None:
    state = case.stepped().state()
    given = {name: values.tolist() for name, values in state.items()}
    found = node.run(
        f"""
        const given = {json.dumps(given)}, blobs = [], parts = await model.stream();
        model.setState(given);
        for (const [name, values] of Object.entries(given)) {{
          parts.setState({{ [name]: Float32Array.from(values) }});
          blobs.push([...parts.snapshot()]);
        }}
        const saved = model.snapshot(), state = model.state();
        model.setState(state);
        console.log(JSON.stringify({{
          blobs, saved: [...saved], same: String(saved) === String(model.snapshot()),
          state: Object.entries(state).map(([name, values]) => [name, [...values]]),
        }}));
        """
    )
    python = case.numpy.stream()
    for blob, (name, values) in zip(found["blobs"], state.items(), strict=True):
        python.set_state({name: values})
        assert bytes(blob) == python.snapshot()
    assert bytes(found["saved"]) == python.snapshot()
    assert found["same"] is True
    for shown, (name, values) in zip(found["state"], state.items(), strict=True):
        assert shown == [name, values.tolist()]


def test_javascript_refuses_a_wrong_state_whole(case: Case, node: Node) -> None:
    num_held = case.spec.num_features
    calls = {
        "{ h_9: [1] }": "the model has no state 'h_9'; its states are ",
        "null": "the state is null, expected an object of arrays",
        "[1, 2]": "the model has no state '0'",
        f"{{ held: Array({num_held + 1}).fill(1) }}": (
            f"'held' has {num_held + 1} values, expected {num_held}"
        ),
        "{ held: null }": f"'held' has 0 values, expected {num_held}",
        f"{{ held: Array({num_held}).fill(NaN) }}": "'held[0]' is NaN, expected a finite",
        f"{{ held: Array({num_held}).fill('1') }}": "'held[0]' is 1, expected a finite",
        f"{{ held: Array({num_held}).fill(1e39) }}": "'held[0]' is 1e+39, expected",
        f"{{ held: Array({num_held}) }}": "'held[0]' is undefined, expected",
    }
    difference = next(e for e in case.spec.state if e.name.startswith("d_"))
    calls[f"{{ {difference.name}: Array({difference.size}).fill(0.5) }}"] = (
        f"'{difference.name}[{difference.size - 1}]' is 0.5, expected 0 before"
    )
    for entry in case.spec.state:
        limit = case.limit(entry.name)
        if limit is not None:
            calls[f"{{ {entry.name}: Array({entry.size}).fill({-2 * limit}) }}"] = (
                f"expected at most {limit:.15g}"
            )
    script = "const said = [], before = String(model.snapshot());\n" + "".join(
        f"try {{ model.setState({given}); said.push('nothing'); }} "
        "catch (e) { said.push(e.message); }\n"
        for given in calls
    )
    said = node.run(
        f"{script} said.push(before === String(model.snapshot()));"
        "console.log(JSON.stringify(said));"
    )
    assert said.pop() is True
    for message, expected in zip(said, calls.values(), strict=True):
        assert expected in message


def test_the_example_of_the_page_is_what_pytorch_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/concepts.md: the last state of an encoder starts a decoder."""
    page = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {"__name__": "example"}
    exec(compile(example, "concepts.md", "exec"), found)
    with torch.inference_mode():
        zeros = torch.zeros(1, 1, 16)
        history = torch.from_numpy(found["history"][None])
        _, state = found["nets"]["encoder"](history, (zeros, zeros))
        y, expected = torch.zeros(1, 1, 1), []
        for _ in range(5):
            y, state = found["nets"]["decoder"](y, state)
            expected.append(y.item())
    error = np.abs(np.array(found["forecast"]) - expected).max()
    assert error <= parity_limit(np.array(expected), 0.0)
    before = found["state"]["h_0"]
    assert found["decoder"].state()["h_0"].tobytes() != before.tobytes()


def test_the_c_of_the_page_starts_a_decoder(tmp_path: Path) -> None:
    """docs/c.md, with an encoder of three readings and a decoder of one."""
    page = (ROOT / "docs" / "c.md").read_text(encoding="utf-8")
    _, example, *_ = re.findall(r"```c\n(.*?)```", page, flags=re.DOTALL)
    models = {}
    for name, num_features in (("encoder", 3), ("decoder", 1)):
        features = tuple(Feature(f"f{k}") for k in range(num_features))
        layers = (Gru(num_features, 6), Linear(6, 1))
        spec = ModelSpec(features, (Target("f0"),), layers)
        weights = weights_of(spec, num_features)
        write_c(spec, weights, name, tmp_path)
        metadata = describe(spec, weights, size=1)
        models[name] = Model(metadata, Float32Engine(spec, weights)).stream()
    buffers, calls = example.split("\n\n")
    (tmp_path / "main.c").write_text(f"""\
#include <stdio.h>
#include <string.h>
#include "encoder.h"
#include "decoder.h"
static encoder_state encoder;
static decoder_state decoder;
{buffers}
int main(void)
{{
    const float x[3] = {{0.5f, -1.0f, 2.0f}};
    float y[1];
    encoder_reset(&encoder);
    decoder_reset(&decoder);
    encoder_step(&encoder, x, y);
    {calls}
    decoder_save(&decoder, to);
    return fwrite(to, 1, sizeof to, stdout) != sizeof to;
}}
""")
    sources = [tmp_path / f"{name}.c" for name in ("main", *models)]
    program = tmp_path / "main"
    flags = ("-Wall", "-Wextra", "-Werror", f"-I{tmp_path}")
    programs.run(["gcc", *flags, *sources, "-o", program], check=True)
    done = programs.run([program], capture_output=True, check=True)
    models["encoder"].step([0.5, -1.0, 2.0])
    models["decoder"].set_state({"h_0": models["encoder"].state()["h_0"]})
    assert done.stdout == models["decoder"].snapshot()
