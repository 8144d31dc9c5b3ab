"""Modules of all the forms that people stream become native, and give what they gave."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.modules.module_forms import FORMS, rows_for
from support.modules.streaming import difference, engine_stream
from support.modules.streaming_modules import MODULES
from support.modules.written_modules import WRITTEN
from torch import nn

from rnnedge_export.capture.original import read_original
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.tolerances import PARITY_STD_FRACTION

LIMIT = 10 * PARITY_STD_FRACTION
STEPS = 40
pytestmark = pytest.mark.filterwarnings("ignore")


def read(module: nn.Module, example):
    return read_original(module.eval(), example=example, features=None, targets=None)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_what_people_write_out_is_native(name):
    make, example = WRITTEN[name]
    torch.manual_seed(0)
    original = read(make(), example)
    assert original.reason == ""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((STEPS, original.spec.input_size))
    x = np.abs(np.trunc(x)) if name == "transducer" else x
    assert difference(original, x.astype(np.float32)) <= LIMIT


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_module_gives_in_every_form_what_its_own_loop_gives(name):
    case = FORMS[name]
    torch.manual_seed(0)
    module = case.make().eval()
    original = read(module, case.example)
    assert original.reason == ""
    x = rows_for(case, original.spec.input_size, STEPS)
    with torch.no_grad():
        expected = torch.stack(case.loop(module, torch.from_numpy(x))).numpy()
    found = engine_stream(original, x)
    assert np.abs(found - expected).max() <= LIMIT * max(1.0, np.abs(expected).max())


def test_several_inputs_are_columns_with_their_names():
    original = read(
        FORMS["an argument that resets"].make(),
        FORMS["an argument that resets"].example,
    )
    names = [feature.name for feature in original.spec.features]
    assert names == ["obs_0", "obs_1", "obs_2", "obs_3", "start"]
    assert any("side by side: obs_0 to obs_3, start" in n for n in original.user.notes)


REFUSED = {
    "bidirectional": (
        lambda: nn.LSTM(3, 4, bidirectional=True, batch_first=True),
        (torch.zeros(1, 3, 3), (torch.zeros(2, 1, 4), torch.zeros(2, 1, 4))),
        "Train with bidirectional=False",
    ),
    "half": (
        lambda: nn.GRU(3, 4, batch_first=True).half(),
        (torch.zeros(1, 1, 3).half(), torch.zeros(1, 1, 4).half()),
        r"Convert .* with \.float\(\)",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_stream_is_refused_with_what_to_change(name):
    make, example, advice = REFUSED[name]
    with pytest.raises(SpecError, match=advice):
        read(make(), example)


def test_the_count_of_native_modules(capsys):
    """Of all kinds; each is tried in the tests above and beside this one."""
    count = len(MODULES) + len(WRITTEN) + len(FORMS)
    with capsys.disabled():
        print(f"\n{count} of {count + len(REFUSED)} kinds of modules are native")
    assert count >= 0.9 * (count + len(REFUSED))
