"""d07, d11, d14: categories among the inputs, modules made for NaN, bench of opaque files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import rnnedge_runtime
from rnnedge.cli import main
from rnnedge_export.capture.original import read_original
from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import export
from rnnedge_export.probing.own_inputs import token_inputs
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.errors import FormatError, NonFiniteError, SpecError
from rnnedge_runtime.spec.layers import Opaque
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json
from rnnedge_runtime.tolerances import parity_limit

zeros = torch.zeros
QUICK = ("--seconds", "0.02", "--processes", "1")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", 300)


class Category(nn.Module):
    """A category among the columns, by one of the ways to look it up."""

    def __init__(self, way: str, column: int, num_rows: int):
        super().__init__()
        self.way, self.column, self.num_rows = way, column, num_rows
        self.table = nn.Embedding(num_rows, 2)
        self.classes = nn.Linear(num_rows, 2)
        self.cell = nn.GRUCell(5, 4)
        self.head = nn.Linear(4, 1)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        row = x[:, 0]
        token = row[:, self.column].long()
        rest = torch.cat([row[:, : self.column], row[:, self.column + 1 :]], -1)
        if self.way == "embedding":
            looked_up = self.table(token)
        elif self.way == "one hot":
            looked_up = self.classes(functional.one_hot(token, self.num_rows).float())
        elif self.way == "index":
            looked_up = self.table.weight[token]
        else:
            looked_up = self.table.weight.index_select(0, token)
        h = self.cell(torch.cat([rest, looked_up], -1), h)
        return self.head(h), h


@settings(max_examples=8)
@given(
    way=st.sampled_from(["embedding", "one hot", "index", "index_select"]),
    column=st.integers(0, 3),
    num_rows=st.integers(1, 9),
)
def test_the_columns_that_are_indices_are_found(way, column, num_rows):
    example = (zeros(1, 1, 4), zeros(1, 4))
    module = Category(way, column, num_rows)
    subject = read_original(module, example=example, features=None, targets=None)
    assert token_inputs(subject) == {column: (0, num_rows - 1)}


def test_d07_category_column_is_exported_verified_and_benched(tmp_path):
    torch.manual_seed(0)
    module = Category("embedding", 3, 4).eval()
    export(module, example=(zeros(1, 1, 4), zeros(1, 4)), out=tmp_path)
    path = tmp_path / "model.onnx"
    tokens = rnnedge_runtime.load(path).golden.x[:, 3]
    assert set(tokens.tolist()) == {0.0, 1.0, 2.0, 3.0}
    assert not verify([path]).has_failed
    benched = CliRunner().invoke(main, ["bench", str(path), *QUICK])
    assert benched.exit_code == 0, benched.output


def test_an_index_that_cannot_be_found_asks_for_a_stream(tmp_path):
    class Joint(nn.Module):
        """Two columns make one index."""

        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(6, 3)
            self.cell = nn.GRUCell(3, 4)

        def forward(self, x, h):
            index = x[:, 0, 0].long() * 3 + x[:, 0, 1].long()
            h = self.cell(self.table(index), h)
            return h, h.clone()

    example = (zeros(1, 1, 2), zeros(1, 4))
    with pytest.raises(SpecError, match=r"index out of range.*Pass stream="):
        export(Joint(), example=example, out=tmp_path)
    rng = np.random.default_rng(0)
    stream = np.stack([rng.integers(0, 2, 200), rng.integers(0, 3, 200)], axis=1)
    export(Joint(), example=example, out=tmp_path, stream=stream)
    assert not verify([tmp_path / "model.onnx"]).has_failed


class Gru(nn.Module):
    """No layers: none of ours is an arc tangent."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 6, batch_first=True)
        self.norm = nn.LayerNorm(6)

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        z, h = self.gru(x, state[0])
        return torch.atan(self.norm(z)), [h]


def test_d11_bench_opaque(tmp_path):
    torch.manual_seed(0)
    example = (zeros(1, 1, 3), [zeros(1, 1, 6)])
    export(Gru(), example=example, formats=("onnx", "torchscript"), out=tmp_path)
    paths = [str(tmp_path / f"model{suffix}") for suffix in (".onnx", ".pt")]
    result = CliRunner().invoke(main, ["bench", *paths, *QUICK])
    assert result.exit_code == 0, result.output
    for way in ("ONNX Runtime run", "ONNX Runtime IOBinding", "TorchScript"):
        assert f"\n{way}  " in result.output


class Masked(nn.Module):
    """The reading, zero where it is missing, beside a mask; the third column is unused."""

    def __init__(self, *, has_mask: bool = True):
        super().__init__()
        self.has_mask = has_mask
        self.cell = nn.GRUCell(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x, h):
        v = x[:, 0, :2]
        mask = torch.isnan(v).float() * float(self.has_mask)
        h = self.cell(torch.cat([torch.nan_to_num(v), mask], -1), h)
        return self.head(h), h


EXAMPLE = (zeros(1, 1, 3), zeros(1, 6))


def readings(steps: int = 120) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((steps, 3)).astype(np.float32)
    rows[rng.random((steps, 3)) < 0.2] = np.nan
    return rows


def in_pytorch(module: nn.Module, rows: np.ndarray) -> np.ndarray:
    h, found = zeros(1, 6), []
    with torch.no_grad():
        for row in torch.from_numpy(rows):
            y, h = module.eval()(row[None, None], h)
            found.append(y[0].numpy())
    return np.stack(found)


def exported(module: nn.Module, folder: Path, **options) -> rnnedge_runtime.Model:
    torch.manual_seed(0)
    export(module, example=EXAMPLE, out=folder, **options)
    return rnnedge_runtime.load(folder / "model.onnx")


@pytest.mark.parametrize("has_mask", [True, False])
def test_d14_nan_aware_module_gets_nan(tmp_path, has_mask):
    torch.manual_seed(0)
    module = Masked(has_mask=has_mask)
    with pytest.warns(UserWarning, match=r"reading of x_0, x_1 goes to it as NaN"):
        model = exported(module, tmp_path)
    assert [f.missing for f in model.spec.features] == ["pass", "pass", "hold"]
    assert np.isnan(model.golden.x[:, :2]).any(axis=0).all()
    rows = readings()
    expected = in_pytorch(module, np.nan_to_num(rows[:, [0, 1, 2]], nan=np.nan))
    stream = model.stream()
    stepped = np.stack([stream.step(row) for row in rows])
    np.testing.assert_allclose(stepped, expected, atol=parity_limit(expected))
    assert model.stream().run(rows).tobytes() == stepped.tobytes()
    assert not verify([tmp_path / "model.onnx"]).has_failed


class Compared(nn.Module):
    """Finite after NaN, which is not above zero; it does not ask for it."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = 0.5 * h + (x[:, 0] > 0).float()
        return h, h


def test_d14_a_module_that_does_not_ask_for_nan_gets_none(tmp_path):
    export(Compared(), example=(zeros(1, 1, 2), zeros(1, 2)), out=tmp_path)
    model = rnnedge_runtime.load(tmp_path / "model.onnx")
    assert {f.missing for f in model.spec.features} == {"hold"}


def test_streams_that_pass_nan_go_on_in_every_form(tmp_path):
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="as NaN"):
        model = exported(Masked(), tmp_path, targets=["x_0", "x_1"])
    rows = readings(40)
    stream = model.stream()
    expected = stream.run(rows)
    first = model.stream()
    first.prime(rows[:20])
    other = model.stream()
    other.restore(first.snapshot())
    assert other.run(rows[20:]).tobytes() == expected[20:].tobytes()
    fleet = model.streams(2)
    for t, row in enumerate(rows):
        y = fleet.step(np.stack([row, rows[len(rows) - 1 - t]]))
    assert y[0].tobytes() == expected[-1].tobytes()
    missing = np.full((1, 3), np.nan, np.float32)
    stream.step(missing[0])
    assert np.isfinite(stream.forecast(5, hold=True)).all()
    held = stream.snapshot()
    with pytest.raises(NonFiniteError, match=r"'x_1' is inf in row 0.*'pass'"):
        stream.step([0, np.inf, 0])
    assert stream.snapshot() == held
    with pytest.raises(NonFiniteError, match=r"stream 1.*'x_0' is -inf"):
        fleet.step(np.array([[0, 0, 0], [-np.inf, 0, 0]], np.float32))


def test_a_reading_outside_its_range_is_passed_as_nan(tmp_path):
    torch.manual_seed(0)
    features = [Feature("a", missing="pass", range=(-3, 3)), Feature("b", "", "pass")]
    model = exported(Masked(), tmp_path, features=[*features, Feature("c")])
    found = model.stream().step([9, 1, 0])
    assert found.tobytes() == model.stream().step([np.nan, 1, 0]).tobytes()
    assert not verify([tmp_path / "model.onnx"]).has_failed
    shown = CliRunner().invoke(main, ["inspect", str(tmp_path / "model.onnx")])
    assert "pass" in shown.output


def test_a_feature_that_says_hold_is_held_and_that_is_said(tmp_path):
    torch.manual_seed(0)
    features = [Feature("a"), "b", "c"]
    with pytest.warns(UserWarning, match="reading of a is held before it sees it"):
        model = exported(Masked(), tmp_path, features=features)
    assert model.spec.features[0].missing == "hold"


def test_nan_is_passed_to_no_module_that_it_would_poison(tmp_path):
    features = [Feature(name, missing="pass") for name in "abc"]
    with pytest.raises(SpecError, match="not finite after NaN in it"):
        export(
            Gru(),
            example=(zeros(1, 1, 3), [zeros(1, 1, 6)]),
            features=features,
            out=tmp_path,
        )
    chain = nn.GRU(3, 4, batch_first=True)
    with pytest.raises(
        SpecError, match="'a' has missing='pass', but the model is a chain"
    ):
        export(
            chain,
            example=(zeros(1, 1, 3), zeros(1, 1, 4)),
            features=features,
            out=tmp_path,
        )


def test_the_spec_of_a_model_that_gets_nan_is_of_version_2():
    layer = Opaque(1, 1, (("h_0", (1, 2), ()),), "0" * 64, "isnan")
    spec = ModelSpec((Feature("a", missing="pass"),), (Target("a"),), (layer,))
    text = spec_to_json(spec)
    assert '"format_version":2' in text
    assert spec_from_json(text, where="-") == spec
    older = text.replace('"format_version":2', '"format_version":1')
    with pytest.raises(FormatError, match="says version 1, but holds what version 2"):
        spec_from_json(older, where="-")
