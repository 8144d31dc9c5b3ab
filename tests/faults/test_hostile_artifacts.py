"""Artifacts that were changed and signed again: rows `golden_*` to `pt_*.pt`."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.artifacts import save_artifact
from support.c_models import write_c
from support.strategies import random_weights
from support.studies.hostile_files import (
    protobuf_fields,
    protobuf_message,
    resealed,
    with_sections,
    with_spec,
    with_texts,
    zip_comment,
    zip_members,
    zipped,
)

from rnnedge.cli import main
from rnnedge_export.formats.registry import read_metadata
from rnnedge_runtime import load
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.spec.layers import Affine, Embedding, Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

SPEC = ModelSpec(
    (Feature("a"), Feature("b")),
    (Target("a"),),
    (Affine(2), Gru(2, 4), Lstm(4, 3, 2), Linear(2, 1)),
    sample_period_s=60.0,
)
SUFFIXES = (".rnne", ".onnx", ".pt", ".c")
BACKENDS = {".pt": "torchscript"}
MOST_MB = 64
"""What inspecting a small file may take beyond an empty inspection."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("good")
    weights = random_weights(SPEC, np.random.default_rng(0))
    paths = [save_artifact(SPEC, weights, folder, suffix) for suffix in SUFFIXES[:3]]
    paths.append(write_c(SPEC, weights, "model", folder))
    found = {path.suffix: path.read_bytes() for path in paths}
    return found | {path.name: path.read_bytes() for path in folder.glob("*.h")}


@pytest.fixture
def write(good: dict[str, bytes], tmp_path: Path):
    def to_file(content: bytes, suffix: str) -> Path:
        for name in good.keys() - set(SUFFIXES):
            (tmp_path / name).write_bytes(good[name])
        path = tmp_path / f"model{suffix}"
        path.write_bytes(content)
        return path

    return to_file


def assert_refused(path: Path, match: str) -> None:
    """By the readers and the commands, in one line and with exit code 2."""
    with pytest.raises(FormatError, match=match):
        read_metadata(path)
    if path.suffix not in (".c", ".wasm"):
        with pytest.raises(FormatError, match=match):
            load(path, BACKENDS.get(path.suffix))
    backend = ["--backend", "torchscript"] if path.suffix == ".pt" else []
    for command in ("inspect", "verify", "bench"):
        options = backend if command == "verify" else []
        result = CliRunner().invoke(main, [command, str(path), *options])
        assert result.exit_code == 2, (command, result.exception)
        assert isinstance(result.exception, SystemExit), result.exception
        assert len(result.stderr.splitlines()) == 1


def with_golden(content: bytes, suffix: str, x: np.ndarray, y: np.ndarray) -> bytes:
    """A file that records other steps."""
    x, y = x.astype("<f4"), y.astype("<f4")
    if suffix == ".rnne":
        section = struct.pack("<I", len(x)) + x.tobytes() + y.tobytes()
        return with_sections(content, lambda s: s.update({b"GOLD": section}))
    if suffix == ".c":
        text = content.decode()
        for name, array in (("x", x), ("y", y)):
            start = text.index(f"static const float model_golden_{name}[")
            end = text.index("};", start)
            numbers = ",".join(f"{value!r}f" for value in array.ravel().tolist())
            head = f"static const float model_golden_{name}[{array.size}] = {{"
            text = text[:start] + head + numbers + text[end:]
        return resealed(text.encode())
    from rnnedge_runtime.formats.metadata import _encode

    golden = json.dumps({"num_steps": len(x), "x": _encode(x), "y": _encode(y)})
    return with_texts(
        content, suffix, lambda texts: texts.update({"rnnedge.golden": golden})
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("zero", "has no recorded steps, expected 64 or more|do not fit"),
        ("one", "has 1 recorded steps, expected 64 or more"),
        ("short", "has 63 recorded steps"),
        ("nan_x", "recorded inputs of step 7 hold NaN|do not fit"),
        ("nan_y", "recorded outputs of step 7 hold NaN|do not fit"),
        ("infinite_y", "recorded outputs of step 7 hold NaN or infinity|do not fit"),
    ],
)
def test_golden_zero_one_nan(
    suffix: str, kind: str, match: str, good: dict[str, bytes], write: Any
) -> None:
    sizes = {"zero": 0, "one": 1, "short": 63}
    x, y = np.ones((sizes.get(kind, 64), 2)), np.ones((sizes.get(kind, 64), 1))
    if kind == "nan_x":
        x[7, 1] = np.nan
    elif kind not in sizes:
        y[7] = np.inf if kind == "infinite_y" else np.nan
    assert_refused(write(with_golden(good[suffix], suffix, x, y), suffix), match)


def peak_mb(path: Path) -> float:
    """Peak memory of a process that inspects a file."""
    done = subprocess.run(
        [sys.executable, "-c", _INSPECT, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


_INSPECT = """
import resource, sys
from click.testing import CliRunner
from rnnedge.cli import main
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
found = CliRunner().invoke(main, ["inspect", sys.argv[1]])
assert found.exit_code == 2 and isinstance(found.exception, SystemExit), found.exception
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def huge(kind: str) -> Any:
    """A change of the description that asks for much memory."""
    size = 2**24

    def change(spec: dict) -> None:
        gru, linear = spec["layers"][1], spec["layers"][3]
        if kind == "state":
            opaque = {"kind": "opaque", "input_size": 2, "output_size": 1}
            states = [[f"s{k}", [size], []] for k in range(50)]
            rest = {"states": states, "weights_sha256": "", "reason": ""}
            spec["layers"] = [opaque | rest]
        elif kind == "hidden":
            wide = {**gru, "input_size": size, "hidden_size": size}
            spec["layers"][1:] = [{**gru, "hidden_size": size}, *[wide] * 50]
            spec["layers"].append({**linear, "input_size": size})
        else:
            spec["horizon"] = size
            linear["output_size"] = size

    return change


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["state", "hidden", "horizon"])
def test_opaque_state_bomb(
    kind: str, suffix: str, good: dict[str, bytes], write: Any
) -> None:
    if suffix == ".c":
        text = good[suffix].decode()
        start = text.index('"spec": {') + len('"spec": ')
        spec, end = json.JSONDecoder().raw_decode(text[start:])
        huge(kind)(spec)
        content = resealed(
            (text[:start] + json.dumps(spec) + text[start + end :]).encode()
        )
    else:
        content = with_spec(good[suffix], suffix, huge(kind))
    path = write(content, suffix)
    assert_refused(path, "at most|do not fit|does not fit|can be stepped")
    assert peak_mb(path) < peak_mb(write(b"", ".onnx")) + MOST_MB


def test_zip_bomb(good: dict[str, bytes], write: Any) -> None:
    members = zip_members(good[".pt"])
    comment = zip_comment(good[".pt"])
    bomb = {"archive/extra/bomb": bytes(100_000_000)}
    path = write(zipped(members | bomb, comment, zipfile.ZIP_DEFLATED), ".pt")
    assert path.stat().st_size < 1_000_000
    assert_refused(path, "compressed texts, or members that overlap, repeat or grow")
    assert peak_mb(path) < peak_mb(write(b"", ".onnx")) + MOST_MB


@pytest.mark.parametrize("method", [*range(1, 8), 9, 12, 14, 99])
def test_pt_notimplementederror_and_zlib_error(
    method: int, good: dict[str, bytes], write: Any
) -> None:
    """`pt_zlib_error.pt`, `pt_NotImplementedError.pt`."""
    content = bytearray(good[".pt"])
    for mark, at in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        place = content.find(mark)
        while place >= 0:
            struct.pack_into("<H", content, place + at, method)
            place = content.find(mark, place + 4)
    assert_refused(write(resealed(bytes(content)), ".pt"), "zip")


@pytest.mark.parametrize(
    ("at", "value"), [(6, 0xFFFF), (8, 1), (8, 0x41), (42, 0xFFFF)]
)
def test_pt_directory_entries(
    at: int, value: int, good: dict[str, bytes], write: Any
) -> None:
    """Version needed, encryption, a place outside the file."""
    content = bytearray(good[".pt"])
    struct.pack_into("<H", content, content.find(b"PK\x01\x02") + at, value)
    assert_refused(write(resealed(bytes(content)), ".pt"), "zip")


def test_nonfinite_wasm_and_its_siblings(good: dict[str, bytes], write: Any) -> None:
    """`nonfinite.wasm` and its siblings."""
    text = good[".c"].decode()
    start = text.index("model_1_units")
    start = text.index("{", start) + 1
    end = text.index(",", start)
    for number in ("nanf", "inff", "1e999f", "1e39f"):
        changed = resealed((text[:start] + number + text[end:]).encode())
        assert_refused(write(changed, ".c"), "NaN or infinity|do not fit")
    nan = struct.pack("<f", np.nan)
    content = with_sections(
        good[".rnne"], lambda s: s.update({b"WGTS": nan + s[b"WGTS"][4:]})
    )
    assert_refused(write(content, ".rnne"), "NaN or infinity")


def test_tensor_outside_the_file(good: dict[str, bytes], write: Any) -> None:
    """ONNX may keep a tensor in another file, or state more numbers than it holds."""
    for number, wire, body in ((14, 0, b"\x01"), (1, 0, b"\xff\xff\xff\xff\x0f")):
        model = protobuf_fields(good[".onnx"])
        graph = next(k for k, field in enumerate(model) if field[0] == 7)
        inner = protobuf_fields(model[graph][2])
        tensor = next(k for k, field in enumerate(inner) if field[0] == 5)
        changed = [*protobuf_fields(inner[tensor][2]), (number, wire, body)]
        inner[tensor] = (5, 2, protobuf_message(changed))
        model[graph] = (7, 2, protobuf_message(inner))
        path = write(resealed(protobuf_message(model)), ".onnx")
        for backend in ("onnx", "reference"):
            with pytest.raises(FormatError, match="tensor"):
                load(path, backend)


def test_an_embedding_of_no_weights(good: dict[str, bytes], write: Any) -> None:
    """A table of 2^24 rows that the file does not have."""
    layer = {"kind": "embedding", "num_embeddings": 2**24, "embedding_dim": 2**24}
    assert Embedding(1, 1).kind == layer["kind"]

    def change(spec: dict) -> None:
        spec["features"] = spec["features"][:1]
        spec["layers"] = [layer, {**spec["layers"][3], "input_size": 2**24}]

    path = write(with_spec(good[".rnne"], ".rnne", change), ".rnne")
    assert_refused(path, "does not fit")
