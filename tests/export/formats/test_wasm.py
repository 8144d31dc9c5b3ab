"""WebAssembly: the bytes of the reference through node, whole files, and its JavaScript."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from support import programs
from support.artifacts import inputs_of, quantised_models, times_of, torch_model
from support.c_models import following
from support.run_helpers import weather_spec
from support.strategies import model_specs, random_readings, seeds
from support.wasm_models import TOOLS, weights_of, write_integer_wasm, write_wasm

from rnnedge.cli import main
from rnnedge_export.exporting.export import export
from rnnedge_export.formats.registry import read_metadata
from rnnedge_export.formats.wasm import running as hosting
from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_export.formats.wasm.module import custom_section, leb128, read_module
from rnnedge_export.formats.wasm.reading import read_wasm
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.errors import (
    BoardError,
    FormatError,
    MissingDependencyError,
    ParityError,
)
from rnnedge_runtime.formats.seal import BLANK_SEAL, MARKER, seal
from rnnedge_runtime.loading import load
from rnnedge_runtime.spec.derived import time_features
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

pytestmark = programs.needs(*TOOLS)
NUM_MODELS, NUM_INTEGER_MODELS = 5, 4
STEPS = 200


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wasm(
        weather_spec(), 1, tmp_path_factory.mktemp("wasm") / "we'ather.wasm"
    )


def without_nan(y: np.ndarray) -> bytes:
    """The bytes; those of a NaN are not fixed."""
    return np.where(np.isnan(y), np.float32(0), y).tobytes()


def resealed(content: bytes) -> bytes:
    start = content.index(MARKER) + len(MARKER)
    end = start + len(BLANK_SEAL) - len(MARKER)
    return seal(content[:start] + b"0" * 64 + content[end:])


@settings(
    max_examples=NUM_MODELS,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(model_specs(), seeds, st.booleans())
@example(weather_spec("reject"), 3, False)
@example(following("gru-L1"), 4, True)
@example(following("lstm-L2", "middle"), 5, False)
def test_every_model_gives_the_bytes_of_the_reference(
    tmp_path: Path, spec: ModelSpec, seed: int, simd: bool
) -> None:
    path = write_wasm(spec, seed, tmp_path / f"m{seed}{simd}.wasm", simd=simd)
    numpy, wasm = load_wasm(path, is_run=False), load_wasm(path)
    readings = random_readings(spec, np.random.default_rng(seed), STEPS)
    if any(feature.missing == "reject" for feature in spec.features):
        readings = np.nan_to_num(readings)
    times = times_of(spec, STEPS)
    expected = numpy.stream()
    found = wasm.stream()
    y = expected.run(readings, times)
    assert without_nan(found.run(readings, times)) == without_nan(y)
    if np.isfinite(y).all():
        assert found.snapshot() == expected.snapshot()
    stepper = wasm.engine.stepper()
    out = np.empty(spec.output_size, np.float32)
    for row, step in zip(inputs_of(spec, readings)[:5], y, strict=False):
        stepper.step(row, out)
        assert without_nan(out) == without_nan(step)


@settings(
    max_examples=NUM_INTEGER_MODELS,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(quantised_models(version=2), seeds, st.booleans())
def test_every_integer_model_gives_the_bytes_of_the_reference(
    tmp_path: Path, model: QuantisedModel, seed: int, simd: bool
) -> None:
    path = write_integer_wasm(model, tmp_path / f"m{seed}{simd}.wasm", simd=simd)
    numpy, wasm = load_wasm(path, is_run=False), load_wasm(path)
    assert numpy.digest == wasm.digest == model.digest
    readings = random_readings(model.spec, np.random.default_rng(seed), STEPS)
    times = times_of(model.spec, STEPS)
    expected, found = numpy.stream(), wasm.stream()
    y = expected.run(readings, times)
    assert without_nan(found.run(readings, times)) == without_nan(y)
    if np.isfinite(y).all():
        assert found.snapshot() == expected.snapshot()


def test_what_a_stream_of_node_offers(weather: Path) -> None:
    model = load_wasm(weather)
    stream, other = model.engine.stepper(), model.engine.stepper()
    assert stream.selftest() == 0
    spec = model.spec
    for time in (-1, 0, 1_700_000_000, 2**40):
        expected = time_features(np.array([time], np.int64), spec.derived)
        assert stream.time(time).tobytes() == expected[0].tobytes()
    x = model.golden.x
    y = stream.run(x)
    blob = stream.save()
    assert other.restore(blob[:-1] + bytes([blob[-1] ^ 1])) == 1
    assert other.restore(blob[:40]) == 1
    assert other.restore(blob + bytes(100)) == 1
    assert other.run(x).tobytes() == y.tobytes()  # a refused snapshot changes nothing
    other.reset()
    assert other.restore(blob) == 0
    assert other.run(x).tobytes() == stream.run(x).tobytes()
    stream.reset()
    assert stream.run(x).tobytes() == y.tobytes()


def test_the_file_is_deterministic_and_says_the_same_as_the_others(
    tmp_path: Path,
) -> None:
    first = write_wasm(weather_spec(), 1, tmp_path / "a.wasm").read_bytes()
    again = write_wasm(weather_spec(), 1, tmp_path / "a.wasm")
    assert again.read_bytes() == first
    metadata, weights = read_wasm(again)
    expected = weights_of(weather_spec(), 1)
    assert all(weights[name].tobytes() == expected[name].tobytes() for name in expected)
    assert read_metadata(again).digest == metadata.digest


@settings(max_examples=200, deadline=None)
@given(
    where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans()
)
def test_a_changed_or_cut_file_is_refused(
    weather: Path, where: float, bit: int, cut: bool
) -> None:
    content = bytearray(weather.read_bytes())
    at = int(where * len(content))
    if cut:
        del content[at:]
    else:
        content[at] ^= 1 << bit
    path = weather.with_name("changed.wasm")
    path.write_bytes(content)
    with pytest.raises(FormatError):
        read_wasm(path)


@settings(max_examples=150, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_changed_file_with_a_new_seal_is_refused_or_the_same_model(
    weather: Path, where: float, bit: int
) -> None:
    content = bytearray(weather.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    if content.count(MARKER) != 1:
        return
    path = weather.with_name("resealed.wasm")
    path.write_bytes(resealed(bytes(content)))
    try:
        metadata, _ = read_wasm(path)
    except FormatError:
        return
    assert metadata.digest == read_wasm(weather)[0].digest


def test_a_changed_weight_shows_in_the_digest(weather: Path) -> None:
    content = weather.read_bytes()
    value = read_wasm(weather)[1]["layers.1.weight_hh"].ravel()[3].tobytes()
    assert content.count(value) == 1
    path = weather.with_name("other.wasm")
    path.write_bytes(resealed(content.replace(value, np.float32(0.5).tobytes())))
    with pytest.raises(FormatError, match="digest"):
        read_wasm(path)


def test_javascript_of_another_export_is_refused(weather: Path) -> None:
    beside = weather.with_suffix(".js")
    text = beside.read_text()
    beside.write_text(text + "\n")
    try:
        with pytest.raises(FormatError, match="Copy both files"):
            read_wasm(weather)
    finally:
        beside.write_text(text)
    read_wasm(weather)


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.wasm"
    empty = b"\0asm\x01\0\0\0"
    about = b'{"seal":"' + BLANK_SEAL.encode() + b'"}'
    for content in (about, empty + custom_section("other", about), empty + about):
        path.write_bytes(seal(content))
        with pytest.raises(FormatError, match="not a WebAssembly module of a model"):
            read_wasm(path)
    path.write_bytes(seal(empty + custom_section("rnnedge", about)))
    with pytest.raises(FormatError):
        read_wasm(path)


@given(st.integers(0, 2**32 - 1))
def test_numbers_go_both_ways(value: int) -> None:
    name = "x" * (value % 300)
    section = custom_section(name, bytes(value % 1000))
    module = read_module(b"\0asm\x01\0\0\0" + section)
    assert module.custom == {name: bytes(value % 1000)}
    assert len(leb128(value)) == max(1, -(-value.bit_length() // 7))


def test_export_verify_and_inspect(tmp_path: Path) -> None:
    spec = weather_spec()
    module = torch_model(spec, weights_of(spec, 2))
    written = export(module, formats=("wasm", "rnne"), out=tmp_path, name="boiler 2")
    assert [item.path.name for item in written.artifacts] == [
        "boiler 2.wasm",
        "boiler 2.rnne",
    ]
    assert not written.notes
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"boiler 2.wasm", "boiler 2.js", "boiler 2.rnne"}
    report = verify([item.path for item in written.artifacts])
    outcomes = {(check.artifact, check.name): check.outcome for check in report.checks}
    assert set(outcomes.values()) == {"passed"}
    carried = "300 carried steps in WebAssembly = f32.v1, bit for bit"
    assert outcomes["boiler 2.wasm", carried] == "passed"
    assert load(written.artifacts[1].path).digest == written.digest
    assert outcomes["boiler 2.wasm", "JavaScript is its own"] == "passed"
    (tmp_path / "boiler 2.js").unlink()
    report = verify([written.artifacts[0].path])
    assert not report.has_failed
    missing = [check for check in report.checks if check.outcome == "not checked"]
    assert [check.detail for check in missing] == ["no boiler 2.js beside it"]
    shown = CliRunner().invoke(main, ["inspect", str(written.artifacts[0].path)])
    assert "temp_c_3" in shown.output


def test_integers_are_exported_and_verified(tmp_path: Path) -> None:
    spec = weather_spec()
    weights = weights_of(spec, 2)
    stream = inputs_of(spec, random_readings(spec, np.random.default_rng(3), 300))
    module = torch_model(spec, weights)
    written = export(
        module,
        formats=("wasm", "rnne"),
        out=tmp_path,
        name="x",
        int8=True,
        stream=stream,
    )
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"x-int8.wasm", "x-int8.js", "x-int8.rnne"}
    report = verify([item.path for item in written.artifacts])
    assert {check.outcome for check in report.checks} <= {"passed", "not checked"}
    carried = "300 carried steps in WebAssembly = w8a16.v1, bit for bit"
    assert [check.outcome for check in report.checks if check.name == carried] == [
        "passed"
    ]
    both = [check for check in report.checks if check.name.startswith("same outputs")]
    assert [(check.outcome, check.name[-11:]) for check in both] == [
        ("passed", "bit for bit")
    ]


def test_other_bytes_than_the_reference_are_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nudged(self: Any, x: np.ndarray, y: np.ndarray) -> None:
        y[:] = np.nextafter(self._rows(2, x)[0], np.float32(np.inf))

    monkeypatch.setattr(hosting.WasmStream, "step", nudged)
    module = torch_model(weather_spec(), weights_of(weather_spec(), 2))
    with pytest.raises(ParityError, match=r"other bytes than f32\.v1 at step 0"):
        export(module, formats="wasm", out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_tools(
    tmp_path: Path, weather: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = torch_model(weather_spec(), weights_of(weather_spec(), 2))
    programs.hide(monkeypatch, "node")
    written = export(module, formats="wasm", out=tmp_path)
    assert any("only the weights were checked" in note for note in written.notes)
    with pytest.raises(MissingDependencyError, match="nodejs"):
        verify([written.artifacts[0].path])
    (tmp_path / "model.wasm").unlink()
    (tmp_path / "model.js").unlink()
    for tool, package in (("wasm-ld", " lld-14"), ("clang", "clang-14 lld-14")):
        with monkeypatch.context() as machine:
            programs.hide(machine, tool)
            with pytest.raises(MissingDependencyError, match=f"apt-get.*{package}"):
                export(module, formats="wasm", out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_module_that_does_not_run_says_why(tmp_path: Path, weather: Path) -> None:
    metadata, _ = read_wasm(weather)
    path = tmp_path / "model.wasm"
    path.write_bytes(weather.read_bytes()[:-1])
    with pytest.raises(BoardError, match="node does not run it"):
        hosting.NodeEngine(path, metadata)


def test_torch_is_not_asked_for(weather: Path) -> None:
    script = (
        "import sys; from rnnedge_export.formats.wasm.loading import load_wasm;"
        f"load_wasm({str(weather)!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
