"""The JavaScript of a WebAssembly export, in node: as Python, and clear when it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from support import programs
from support.c_models import following
from support.run_helpers import weather_spec
from support.wasm_models import TOOLS, write_wasm

from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_export.formats.wasm.reading import read_wasm
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.formats.snapshot import pack_snapshot, unpack_snapshot
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.streams.model import Model

pytestmark = programs.needs(*TOOLS)


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wasm(
        weather_spec(), 1, tmp_path_factory.mktemp("wasm") / "a#b? we'a%20ther.wasm"
    )


@dataclass
class Node:
    """A script with the model of `weather` in `model`; what it prints as JSON."""

    module: Path

    def run(self, script: str) -> Any:
        name = json.dumps(f"./{quote(self.module.name)}")
        text = f"import {{ load }} from {name};\nconst model = await load();\n{script}"
        path = self.module.with_name("script.mjs")
        path.write_text(text)
        done = programs.run(
            ["node", str(path)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def node(weather: Path) -> Iterator[Node]:
    module = weather.with_suffix(".mjs")
    shutil.copyfile(weather.with_suffix(".js"), module)
    yield Node(module)
    module.unlink()


def test_javascript_streams_as_python_does(node: Node, weather: Path) -> None:
    rows = [[3.9, -3.3, None, 5.7, 1012.6], [4.5, float("nan"), 61.0, 5.0, 1e39]]
    times = [1_357_020_000, 1_357_023_600]
    shown = json.dumps(rows)
    found = node.run(
        f"""
        const rows = {shown}, times = {times};
        const y = rows.map((row, t) => [...model.step(row, times[t])]);
        const saved = model.snapshot();
        const next = await model.stream();
        next.restore(saved);
        const after = [model, next].map((m) => [...m.step(rows[0], times[1])]);
        model.reset();
        console.log(JSON.stringify({{
          y, after, again: [...model.step(rows[0], times[0])],
          names: model.outputs.map((o) => `${{o.name}} ${{o.unit}}`),
          first: model.features[0].name, digest: model.digest, saved: [...saved],
        }}));
        """
    )
    model = load_wasm(weather, is_run=False)
    stream = model.stream()
    readings = np.array(rows, np.float64)
    readings[1, 4] = np.inf  # what 1e39 is in float32
    y = np.array(
        [stream.step(row, time=t) for row, t in zip(readings, times, strict=True)]
    )
    assert np.array(found["y"], np.float32).tobytes() == y.tobytes()
    assert bytes(found["saved"]) == stream.snapshot()
    assert found["after"][0] == found["after"][1] != found["again"] == found["y"][0]
    assert found["names"] == [f"temp_c_{k} C" for k in (1, 2, 3)]
    assert (found["first"], found["digest"]) == ("temp_c", model.digest)


def test_javascript_holds_what_is_not_plausible_and_leaves_the_clip(
    tmp_path: Path,
) -> None:
    path = write_wasm(following("gru-L1"), 2, tmp_path / "m.wasm")
    path.with_suffix(".js").rename(tmp_path / "m.mjs")
    rows = [[30, -9, 5], [85, 12, -1], [-40.5, None, 1001], [-40, 1e30, 0]]
    found = Node(tmp_path / "m.mjs").run(
        f"""
        const y = {json.dumps(rows)}.map((row) => [...model.step(row)]);
        const range = model.features[0].range;
        console.log(JSON.stringify({{ y, range, saved: [...model.snapshot()] }}));
        """
    )
    stream = load_wasm(path, is_run=False).stream()
    y = np.array([stream.step(np.array(row, np.float64)) for row in rows])
    assert np.array(found["y"], np.float32).tobytes() == y.tobytes()
    assert bytes(found["saved"]) == stream.snapshot()
    assert found["range"] == [-40, 60]


def reference_of(path: Path) -> Model:
    """The model in float64."""
    metadata, weights = read_wasm(path)
    return Model(metadata, ReferenceEngine(metadata.spec, weights), path)


def wider(snapshot: bytes, model: Model) -> bytes:
    """The same state in float64."""
    num_steps, state = unpack_snapshot(
        snapshot, model.spec.state, digest=model.digest, numerics=NUMERICS
    )
    return pack_snapshot(
        model.digest,
        NUMERICS,
        num_steps,
        [tensor.astype(np.float64) for tensor in state],
    )


def test_javascript_restores_every_form_of_a_snapshot(
    node: Node, weather: Path
) -> None:
    model = load_wasm(weather, is_run=False)
    stream, reference = model.stream(), reference_of(weather)
    row, time = [3.9, -3.3, 60.0, 5.7, 1012.6], 1_357_020_000
    doubles = reference.stream()
    for one in (stream, doubles):
        one.step(row, time=time)
    narrow, wide = stream.snapshot(), wider(stream.snapshot(), model)
    assert len(narrow) < len(doubles.snapshot()) <= len(wide)
    found = node.run(
        f"""
        const forms = {[list(form) for form in (narrow, wide, doubles.snapshot())]};
        const shown = [];
        for (const form of forms) {{
          const bytes = Uint8Array.from(form);
          const shifted = new Uint8Array([7, ...form]).subarray(1);
          for (const taken of [bytes, bytes.buffer, shifted, Buffer.from(form)]) {{
            model.reset();
            model.restore(taken);
            shown.push([...model.snapshot()]);
          }}
        }}
        console.log(JSON.stringify(shown));
        """
    )
    restored = model.stream()
    restored.restore(doubles.snapshot())
    expected = [narrow] * 8 + [restored.snapshot()] * 4
    assert [bytes(one) for one in found] == expected


@pytest.mark.parametrize("hidden_size", [1, 4, 64])
def test_javascript_knows_a_snapshot_of_another_model(
    node: Node, hidden_size: int
) -> None:
    state = [np.zeros(hidden_size, np.float32), np.zeros(5, np.float32)]
    other = pack_snapshot("12" * 32, NUMERICS, 3, state)
    found = node.run(
        f"""
        const before = String(model.snapshot()), bytes = Uint8Array.from({list(other)});
        let said = 'nothing';
        try {{ model.restore(bytes); }} catch (e) {{ said = e.message; }}
        console.log(JSON.stringify([said, before === String(model.snapshot())]));
        """
    )
    assert "it is of another model" in found[0]
    assert found[1] is True


def test_javascript_says_what_is_wrong_and_keeps_its_state(node: Node) -> None:
    calls = {
        "model.step([1, 2], 0)": "2 readings, expected 5: temp_c",
        "model.step([1, 2, 3, 4, 5])": "whole seconds since 1970",
        "model.step([1, 2, 3, 4, 5], 0.5)": "whole seconds since 1970",
        "model.step([1, 2, 3, 4, '5'], 0)": "is '5', expected a number",
        **{
            f"model.step([1, 2, 3, 4, 5].fill(undefined, {k}, {k + 1}), 0)": (
                f"reading of {name} is 'undefined', expected a number"
            )
            for k, name in enumerate(weather_spec().feature_names)
        },
        "model.step(null, 0)": "the readings are null, expected an array of 5",
        "model.step(undefined, 0)": "the readings are undefined, expected",
        "model.step('12345', 0)": "the readings are String, expected an array",
        "model.step([1, , 3, 4, 5], 0)": "is 'undefined'",
        "model.step({ length: 5 }, 0)": "is 'undefined'",
        "model.restore(new Uint8Array(3))": "damaged or no snapshot",
        "model.restore(model.snapshot().fill(1, 8, 24))": "damaged or no snapshot",
        "model.restore(new Uint8Array(1e6))": "damaged or no snapshot",
        "model.restore(Buffer.concat([model.snapshot(), Buffer.alloc(1e6)]))": (
            "damaged or no snapshot"
        ),
        "model.restore(null)": (
            "the snapshot is null, expected a Uint8Array or an ArrayBuffer"
        ),
        "model.restore()": "the snapshot is undefined, expected a Uint8Array",
        "model.restore([...model.snapshot()])": "the snapshot is Array, expected",
        "model.restore(model.stream())": "the snapshot is Promise, expected",
    }
    script = "const said = [], before = String(model.snapshot());\n" + "".join(
        f"try {{ {call}; said.push('nothing'); }} catch (e) {{ said.push(e.message); }}\n"
        for call in calls
    )
    said = node.run(
        f"{script} said.push(before === String(model.snapshot()));"
        "console.log(JSON.stringify(said));"
    )
    assert said.pop() is True
    for message, expected in zip(said, calls.values(), strict=True):
        assert expected in message


def test_javascript_refuses_a_damaged_module(node: Node, weather: Path) -> None:
    """A browser checks no seal; the recorded steps are repeated."""
    content = weather.read_bytes()
    value = read_wasm(weather)[1]["layers.1.weight_hh"].ravel()[3].tobytes()
    damaged = content.replace(value, np.float32(0.5).tobytes())
    found = node.run(
        f"""
        const bytes = Uint8Array.from({list(damaged)});
        const said = await load(bytes).then(() => 'nothing', (e) => e.message);
        const none = await load(bytes.slice(0, 8)).then(() => '', (e) => e.message);
        console.log(JSON.stringify([said, none]));
        """
    )
    assert "is not repeated" in found[0]
    assert "no model" in found[1]
