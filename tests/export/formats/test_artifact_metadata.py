"""Descriptions are read without the packages that wrote them."""

from __future__ import annotations

import numpy as np
import pytest
from support.artifacts import save_artifact
from support.rnn_cells import forecaster
from support.strategies import random_weights

from rnnedge_export.formats.registry import read_metadata
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.loading import load


@pytest.mark.parametrize(
    ("suffix", "backend"), [(".onnx", "onnx"), (".pt", "torchscript")]
)
def test_description_is_that_of_the_backend(suffix, backend, tmp_path):
    spec = forecaster("lstm-proj-L1")
    weights = random_weights(spec, np.random.default_rng(0))
    path = save_artifact(spec, weights, tmp_path, suffix)
    found, expected = read_metadata(path), load(path, backend=backend).metadata
    assert (found.spec, found.digest) == (expected.spec, expected.digest)
    assert (found.numerics, found.producer) == (expected.numerics, expected.producer)
    np.testing.assert_array_equal(found.golden.y, expected.golden.y)


@pytest.mark.parametrize("suffix", [".onnx", ".pt"])
def test_file_that_is_no_artifact_is_refused(suffix, tmp_path):
    spec = forecaster("gru-L1")
    weights = random_weights(spec, np.random.default_rng(0))
    good = save_artifact(spec, weights, tmp_path, suffix)
    content = good.read_bytes()
    for k, bad in enumerate((b"", b"text", content[:-1], content[: len(content) // 2])):
        path = tmp_path / f"bad{k}{suffix}"
        path.write_bytes(bad)
        with pytest.raises(FormatError, match=rf"bad{k}"):
            read_metadata(path)
    with pytest.raises(FormatError, match="the path does not exist, expected"):
        read_metadata(tmp_path / f"absent{suffix}")


@pytest.mark.parametrize(("written", "named"), [(".onnx", ".pt"), (".pt", ".onnx")])
def test_file_under_the_ending_of_the_other_format_is_refused(written, named, tmp_path):
    spec = forecaster("gru-L1")
    weights = random_weights(spec, np.random.default_rng(0))
    path = save_artifact(spec, weights, tmp_path, written)
    path = path.rename(path.with_suffix(named))
    with pytest.raises(FormatError, match="ending it was exported with"):
        read_metadata(path)


@pytest.mark.parametrize("name", ["folder", "folder.onnx", "folder.pt", "absent.onnx"])
def test_a_folder_and_no_file_are_said_as_load_says_them(name, tmp_path):
    """Wrong: of a folder, "there is no such file". Right: one check with `load`."""
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    with pytest.raises(FormatError) as described:
        read_metadata(tmp_path / name)
    with pytest.raises(FormatError) as loaded:
        load(tmp_path / name)
    assert str(described.value) == str(loaded.value)
    expected = "is a directory" if name.startswith("folder") else "does not exist"
    assert f"{name}: the path {expected}, expected an artifact." in str(loaded.value)
