"""Damaged run folders, files that are none, full disks: one line and exit code 2."""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from support.tables.small_runs import tiny_run

from rnnedge.cli import main
from rnnedge.runs.folder import CHECKPOINT, REPORT, save_rows, write_atomically
from rnnedge_runtime.errors import DataError

FILES = ("config.toml", "model.safetensors", "spec.json", "stream.npz", "report.json")
DAMAGES = ("empty", "half", "text", "zeros", "other", "folder", "binary")
COMMANDS = ("inspect", "verify", "bench", "run", "evaluate", "forecast", "export")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    return tiny_run(folder, epochs=1).run.path


@pytest.fixture
def run_path(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "boiler"))


def damage(path: Path, kind: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
        return
    changed = {
        "empty": b"",
        "half": content[: len(content) // 2],
        "text": b"hello, world\n",
        "zeros": bytes(len(content)),
        "other": b'{"a": [1, null]}',
        "binary": random.Random(0).randbytes(500),
    }
    path.write_bytes(changed[kind])


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def assert_user_error(result: Result) -> None:
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 2, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_export_of_a_damaged_run(
    name: str, kind: str, run_path: Path, tmp_path: Path
) -> None:
    damage(run_path / name, kind)
    int8 = ["--int8"] if name == "config.toml" else []
    result = call("export", run_path, "--format", "rnne", "--out", tmp_path, *int8)
    if (name, kind) == ("stream.npz", "folder"):
        return  # as if it were absent
    if (name, kind) == ("report.json", "other"):
        return  # JSON of another report is not looked into
    assert_user_error(result)
    assert name in result.stderr


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", [CHECKPOINT, "config.toml"])
def test_resume_of_a_damaged_run(name: str, kind: str, run_path: Path) -> None:
    (run_path / REPORT).unlink()
    damage(run_path / name, kind)
    result = call("train", "--resume", run_path, "--quiet")
    assert_user_error(result)
    assert name in result.stderr


@pytest.mark.parametrize("key", ["model", "optimizer", "history", "lane_state", "best"])
@pytest.mark.parametrize("value", [None, 7, [], {}, [[1]], {"a": torch.zeros(3)}])
def test_resume_of_a_changed_checkpoint(
    key: str, value: object, run_path: Path
) -> None:
    (run_path / REPORT).unlink()
    content = torch.load(run_path / CHECKPOINT, weights_only=True)
    content["trainer"][key] = value
    torch.save(content, run_path / CHECKPOINT)
    result = call("train", "--resume", run_path, "--quiet")
    if result.exit_code == 0:  # an empty history or no state says nothing that is wrong
        assert key in ("history", "lane_state", "best")
        return
    assert_user_error(result)
    assert CHECKPOINT in result.stderr


@pytest.mark.parametrize("suffix", [".rnne", ".onnx", ".pt", ".c", ".wasm", ".txt"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_no_artifact(command: str, suffix: str, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("time,a\n0,1\n60,2\n")
    rest = {"run": ["--input", table], "evaluate": [table], "forecast": [table]}
    png = b"\x89PNG\r\n\x1a\n" + bytes(50)
    for k, content in enumerate((b"", b"\0" * 100, b"text\n", b"PK\x03\x04", png)):
        path = tmp_path / f"model{k}{suffix}"
        path.write_bytes(content)
        assert_user_error(call(command, path, *rest.get(command, [])))
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    long = tmp_path / ("x" * 300 + suffix)
    for path in (tmp_path / f"pipe{suffix}", tmp_path / f"folder{suffix}", long):
        assert_user_error(call(command, path, *rest.get(command, [])))


def test_a_full_disk_is_named(
    run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path | int, content: object = None) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(os, "fsync", full)
    for write in (
        lambda: write_atomically(tmp_path / "x", b"1"),
        lambda: save_rows(tmp_path / "x.csv", [["a", 1]]),
    ):
        with pytest.raises(
            DataError, match="cannot be written: No space left on device"
        ):
            write()
    result = call("export", run_path, "--format", "rnne", "--out", tmp_path / "dist")
    assert_user_error(result)
    assert "No space left on device" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_standard_output_on_a_full_disk(finished: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "rnnedge.cli", "devices"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_stream_of_another_model(run_path: Path) -> None:
    buffer = io.BytesIO()
    for x in (np.zeros((5, 99), np.float32), np.zeros(5, np.float32), np.array(["a"])):
        np.savez(buffer, x=x)
        (run_path / "stream.npz").write_bytes(buffer.getvalue())
        result = call("export", run_path, "--format", "rnne", "--out", run_path)
        assert_user_error(result)
        assert "stream.npz" in result.stderr
