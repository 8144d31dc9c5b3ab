"""Modules as people write them become layers with the numbers of the module."""

from __future__ import annotations

import pytest
import torch
from support.modules.streaming import difference
from support.modules.streaming_modules import MODULES, H, Net, X, plain

from rnnedge_export.capture.original import read_original
from rnnedge_runtime.tolerances import PARITY_STD_FRACTION


@pytest.mark.filterwarnings("ignore")
def test_nine_in_ten_become_layers(capsys):
    native, others = 0, []
    for name, (make, example) in MODULES.items():
        torch.manual_seed(0)
        module = make().eval()
        original = read_original(module, example=example, features=None, targets=None)
        if original.reason:
            others.append(f"{name}: {original.reason}")
            continue
        assert difference(original) <= 10 * PARITY_STD_FRACTION, name
        assert original.report.is_native
        native += 1
    with capsys.disabled():
        print(f"\n{native} of {len(MODULES)} modules are native {others or ''}")
    assert native >= 0.9 * len(MODULES)


def test_a_report_names_all_that_is_no_layer_in_the_modules_own_names():
    def odd(m, x, h, c):
        y, h, c = plain(m, torch.digamma(x), h, c)
        return torch.erfinv(torch.tanh(y)), h, c

    example = (X, H, H)
    found = read_original(Net(odd), example=example, features=None, targets=None)
    report = found.report
    assert report.obstacles == ("digamma in 'forward'", "erfinv in 'forward'")
    assert report.first_to_change == found.reason
    found = read_original(Net(plain), example=example, features=None, targets=None)
    assert found.report.parts == (("lstm", ("lstm",)), ("head", ("linear",)))
