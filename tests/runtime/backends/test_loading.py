"""Files that are not what they should be: one clear FormatError each, naming the file."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.artifacts import describe, save_artifact, torch_model
from support.strategies import random_weights

import rnnedge_runtime as runtime
from rnnedge_export.formats.onnx.graph import build_onnx, seal_model
from rnnedge_export.formats.torchscript import save_torchscript
from rnnedge_runtime.errors import FormatError, MissingDependencyError
from rnnedge_runtime.formats.metadata import (
    KEY_DIGEST,
    KEY_GOLDEN,
    KEY_SHA256,
    KEY_VERSION,
)
from rnnedge_runtime.formats.seal import BLANK_SEAL, seal
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

SPEC = ModelSpec(
    features=(Feature("flow", "l/s"), Feature("temp_in", "C")),
    targets=(Target("temp_in", "C"),),
    layers=(Gru(2, 3), Lstm(3, 3), Linear(3, 1)),
    sample_period_s=60.0,
)
WEIGHTS = random_weights(SPEC, np.random.default_rng(0))
KINDS = [(".onnx", "onnx"), (".onnx", "reference"), (".pt", "torchscript")]
READINGS = np.linspace(-1, 1, 16, dtype=np.float32).reshape(8, 2)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    return {s: save_artifact(SPEC, WEIGHTS, folder, s) for s in (".onnx", ".pt")}


def outputs(path: Path, backend: str) -> np.ndarray:
    return runtime.load(path, backend).stream().run(READINGS)


def edited(path: Path, target: Path, edit: Callable[[onnx.ModelProto], None]) -> Path:
    """A copy of an `.onnx` artifact, edited and sealed again."""
    model = onnx.load(path)
    edit(model)
    for item in model.metadata_props:
        if item.key == KEY_SHA256:
            item.value = BLANK_SEAL
    target.write_bytes(seal(model.SerializeToString(deterministic=True)))
    return target


def with_property(key: str, value: str) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        for item in model.metadata_props:
            if item.key == key:
                item.value = value

    return edit


@pytest.mark.parametrize(("suffix", "backend"), KINDS)
def test_an_artifact_describes_its_model(
    artifacts: dict[str, Path], suffix: str, backend: str
) -> None:
    model = runtime.load(str(artifacts[suffix]), backend)
    expected = describe(SPEC, WEIGHTS)
    assert (model.spec, model.digest, model.backend) == (SPEC, expected.digest, backend)
    assert model.path == artifacts[suffix]
    np.testing.assert_array_equal(model.golden.x, expected.golden.x)
    np.testing.assert_array_equal(model.golden.y, expected.golden.y)
    for word in ("model.", "flow", "temp_in", backend, expected.digest[:12]):
        assert word in repr(model)


def test_an_onnx_file_runs_in_onnx_runtime_by_default(
    artifacts: dict[str, Path],
) -> None:
    assert runtime.load(artifacts[".onnx"]).backend == "onnx"


def test_a_model_cannot_be_changed(artifacts: dict[str, Path]) -> None:
    model = runtime.load(artifacts[".onnx"])
    with pytest.raises(AttributeError):
        model.digest = ""  # type: ignore[misc]
    with pytest.raises(AttributeError):
        model.anything = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("backend", [None, "onnx", "reference", "torchscript"])
@pytest.mark.parametrize("name", ["absent.onnx", "folder.pt"])
def test_no_file(tmp_path: Path, name: str, backend: str | None) -> None:
    if name == "folder.pt":
        (tmp_path / name).mkdir()
    with pytest.raises(FormatError, match=name):
        runtime.load(tmp_path / name, backend)


def test_a_pickle_is_loaded_only_when_named(artifacts: dict[str, Path]) -> None:
    with pytest.raises(
        FormatError, match=r"model\.pt: .*pickle.*backend='torchscript'"
    ):
        runtime.load(artifacts[".pt"])
    with pytest.raises(
        FormatError, match=r"'reference' reads \.rnne, \.onnx files, not '\.pt'"
    ):
        runtime.load(artifacts[".pt"], "reference")


@pytest.mark.parametrize("ending", [".c", ".wasm"])
def test_a_compiled_artifact_is_named_as_such_and_the_way_on_is_said(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"boiler{ending}"
    path.write_bytes(b"anything")
    with pytest.raises(FormatError, match=r"not loaded.*`rnnedge verify`"):
        runtime.load(path)


def test_unknown_backend_and_unknown_ending(
    artifacts: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match="'onyx' is unknown, expected one of native"):
        runtime.load(artifacts[".onnx"], "onyx")
    table = tmp_path / "readings.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(FormatError, match=r"readings\.csv: files ending in '\.csv'"):
        runtime.load(table)


@pytest.mark.parametrize(("suffix", "backend"), KINDS)
@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04", bytes(1000)])
def test_not_an_artifact(
    tmp_path: Path, suffix: str, backend: str, content: bytes
) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"other{suffix}"):
        runtime.load(path, backend)


def test_an_artifact_under_the_ending_of_the_other_format(
    artifacts: dict[str, Path], tmp_path: Path
) -> None:
    as_onnx = Path(shutil.copy(artifacts[".pt"], tmp_path / "swapped.onnx"))
    as_pt = Path(shutil.copy(artifacts[".onnx"], tmp_path / "swapped.pt"))
    for path, backend in [
        (as_onnx, "onnx"),
        (as_onnx, "reference"),
        (as_pt, "torchscript"),
    ]:
        with pytest.raises(FormatError, match=path.name):
            runtime.load(path, backend)


def test_a_torchscript_file_of_somebody_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("other/code.py", "print()")
    with pytest.raises(FormatError, match=r"other\.pt: .*not written by rnnedge"):
        runtime.load(tmp_path / "other.pt", "torchscript")


@pytest.mark.parametrize(("suffix", "backend"), KINDS)
def test_cut_short(
    artifacts: dict[str, Path],
    tmp_path: Path,
    suffix: str,
    backend: str,
    rng: np.random.Generator,
) -> None:
    content = artifacts[suffix].read_bytes()
    path = tmp_path / f"cut{suffix}"
    lengths = {0, 1, len(content) - 1, *rng.integers(0, len(content), 40).tolist()}
    for length in sorted(lengths):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError, match=f"cut{suffix}"):
            runtime.load(path, backend)


@pytest.mark.parametrize(("suffix", "backend"), KINDS)
def test_any_changed_byte_is_refused(
    artifacts: dict[str, Path],
    tmp_path: Path,
    suffix: str,
    backend: str,
    rng: np.random.Generator,
) -> None:
    """The hash covered a zip's members only: one byte of the directory, which marks a
    member as a folder, passed, and PyTorch ran with weights it had not read.
    """
    content = artifacts[suffix].read_bytes()
    path = tmp_path / f"changed{suffix}"
    for position in range(0, len(content), 3):
        changed = bytearray(content)
        changed[position] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        with pytest.raises(FormatError, match=f"changed{suffix}"):
            runtime.load(path, backend)


@pytest.mark.parametrize("backend", ["onnx", "reference"])
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (KEY_VERSION, "2", "version 2 is newer than version 1.*pip install --upgrade"),
        (KEY_VERSION, "one", "version 'one' is unknown"),
        (KEY_DIGEST, "0" * 63, "not 64 lower-case hex digits"),
        (KEY_GOLDEN, "{}", "golden vectors do not fit"),
    ],
)
def test_a_sealed_file_with_a_description_we_cannot_use(
    artifacts: dict[str, Path],
    tmp_path: Path,
    backend: str,
    key: str,
    value: str,
    message: str,
) -> None:
    path = edited(artifacts[".onnx"], tmp_path / "odd.onnx", with_property(key, value))
    with pytest.raises(FormatError, match=rf"odd\.onnx: .*{message}"):
        runtime.load(path, backend)


def test_a_newer_torchscript_file(tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("rnnedge_runtime.formats.metadata.FORMAT_VERSION_TEXT", "7")
        path = tmp_path / "new.pt"
        save_torchscript(torch_model(SPEC, WEIGHTS), describe(SPEC, WEIGHTS), path)
    with pytest.raises(FormatError, match=r"new\.pt: format version 7 is newer"):
        runtime.load(path, "torchscript")


def test_state_output_under_a_wrong_name(
    artifacts: dict[str, Path], tmp_path: Path
) -> None:
    def edit(model: onnx.ModelProto) -> None:
        node = next(n for n in model.graph.node if "h_0_out" in n.output)
        node.output[list(node.output).index("h_0_out")] = "h_0_new"
        output = next(o for o in model.graph.output if o.name == "h_0_out")
        output.name = "h_0_new"

    path = edited(artifacts[".onnx"], tmp_path / "wired.onnx", edit)
    with pytest.raises(
        FormatError, match=r"wired\.onnx: .*h_0_new.*asks for y, h_0_out"
    ):
        runtime.load(path)


def test_graph_of_other_sizes_than_its_description(tmp_path: Path) -> None:
    wider = dataclasses.replace(SPEC, layers=(Gru(2, 5), Lstm(5, 3), Linear(3, 1)))
    weights = random_weights(wider, np.random.default_rng(1))
    model = onnx.load_model_from_string(build_onnx(describe(wider, weights), weights))
    path = tmp_path / "sizes.onnx"
    path.write_bytes(seal_model(model, describe(SPEC, WEIGHTS)))
    with pytest.raises(FormatError, match=r"sizes\.onnx: 'h_0' .*\['batch', 5\].*3"):
        runtime.load(path)
    with pytest.raises(FormatError, match=r"sizes\.onnx: the weights do not fit"):
        runtime.load(path, "reference")


def test_module_of_other_sizes_than_its_description(tmp_path: Path) -> None:
    wider = dataclasses.replace(SPEC, layers=(Gru(2, 5), Lstm(5, 3), Linear(3, 1)))
    module = torch_model(wider, random_weights(wider, np.random.default_rng(1)))
    save_torchscript(module, describe(SPEC, WEIGHTS), tmp_path / "sizes.pt")
    with pytest.raises(FormatError, match=r"sizes\.pt: the module fails on one step"):
        runtime.load(tmp_path / "sizes.pt", "torchscript")


def test_weights_that_are_not_those_of_the_digest(
    artifacts: dict[str, Path], tmp_path: Path
) -> None:
    """Gates in another order have the same shapes: only the digest tells."""

    def edit(model: onnx.ModelProto) -> None:
        item = next(t for t in model.graph.initializer if t.name == "layers.0.W")
        rows = onnx.numpy_helper.to_array(item)[:, ::-1]
        item.CopyFrom(onnx.numpy_helper.from_array(rows.copy(), item.name))

    path = edited(artifacts[".onnx"], tmp_path / "gates.onnx", edit)
    with pytest.raises(FormatError, match=r"gates\.onnx: the weights have digest"):
        runtime.load(path, "reference")


@pytest.mark.parametrize(
    ("suffix", "backend", "package", "extra"),
    [
        (".onnx", "onnx", "onnxruntime", "onnx"),
        (".onnx", "reference", "onnx", "train"),
        (".pt", "torchscript", "torch", "train"),
    ],
)
def test_missing_package(
    artifacts: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    backend: str,
    package: str,
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"model{suffix} .*'{package}' is not installed.*'rnnedge\[{extra}\]'"
    with pytest.raises(MissingDependencyError, match=message):
        runtime.load(artifacts[suffix], backend)


def test_an_artifact_is_one_file_that_can_be_renamed(
    artifacts: dict[str, Path], tmp_path: Path
) -> None:
    for suffix, backend in KINDS:
        copy = Path(shutil.copy(artifacts[suffix], tmp_path / f"Böiler 1{suffix}"))
        np.testing.assert_array_equal(
            outputs(copy, backend), outputs(artifacts[suffix], backend)
        )
