"""The TorchScript file against the module it was made from."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
from support.artifacts import describe, torch_model
from support.rnn_cells import IDS, forecaster
from support.strategies import random_weights
from torch import nn

from rnnedge_export.formats.torchscript import save_torchscript
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import metadata_from_text, metadata_to_text
from rnnedge_runtime.tolerances import parity_limit


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("batch", [1, 7])
def test_loaded_module_steps_by_feeding_its_state_back(name, batch, rng, tmp_path):
    spec = forecaster(name)
    weights = random_weights(spec, rng)
    module = torch_model(spec, weights)
    save_torchscript(module, describe(spec, weights), tmp_path / "model.pt")
    loaded = torch.jit.load(tmp_path / "model.pt")
    x = rng.normal(size=(batch, 100, 3)).astype(np.float32)
    initial = module.initial_state(batch)
    with torch.inference_mode():
        expected = module(torch.from_numpy(x), initial)[0].numpy()
        runs = [loaded(torch.from_numpy(x), initial)[0].numpy()]
        for chunk in (1, 50):
            state, parts = initial, []
            for part in torch.from_numpy(x).split(chunk, dim=1):
                y, state = loaded(part, state)
                parts.append(y.numpy())
            runs.append(np.concatenate(parts, axis=1))
    zeros = [tensor.numpy() for tensor in initial]
    judged, _ = ReferenceEngine(spec, weights).run(x, zeros)
    limit = parity_limit(judged.reshape(-1, 4), float(np.abs(expected - judged).max()))
    for y in runs:
        assert np.abs(y - judged).max() <= limit


def test_file_describes_itself_and_names_no_path(tmp_path):
    spec = forecaster("lstm-proj-L2")
    weights = random_weights(spec, np.random.default_rng(0))
    metadata = describe(spec, weights)
    paths = [tmp_path / "one.pt", tmp_path / "two.pt"]
    for path in paths:
        save_torchscript(torch_model(spec, weights), metadata, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    text = dict.fromkeys(metadata_to_text(metadata), "")
    torch.jit.load(paths[0], _extra_files=text)
    read = {key: value.decode() for key, value in text.items()}
    assert metadata_from_text(read, where="test").digest == metadata.digest
    with zipfile.ZipFile(paths[0]) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    home = __file__.encode().split(b"/tests/")[0]
    assert home not in content
    assert b"site-packages" not in content


def test_members_start_at_multiples_of_64(tmp_path):
    spec = forecaster("gru-L1")
    weights = random_weights(spec, np.random.default_rng(0))
    path = tmp_path / "model.pt"
    save_torchscript(torch_model(spec, weights), describe(spec, weights), path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            lengths = content[info.header_offset + 26 : info.header_offset + 30]
            name, extra = np.frombuffer(lengths, "<u2").tolist()
            assert (info.header_offset + 30 + name + extra) % 64 == 0, info.filename


def test_module_that_cannot_be_scripted_is_refused(tmp_path):
    class Dynamic(nn.Module):
        def forward(self, *anything):
            return anything

    spec = forecaster("gru-L1")
    weights = random_weights(spec, np.random.default_rng(0))
    with pytest.raises(
        SpecError, match=r"Dynamic cannot be scripted: .*List\[Tensor\]"
    ):
        save_torchscript(Dynamic(), describe(spec, weights), tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())
