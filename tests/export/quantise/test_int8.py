"""`export(int8=True)`: what it writes, reports and refuses."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars
import pytest
import torch
from support.tables.small_runs import tiny_run, write_waves

import rnnedge
import rnnedge_runtime as runtime
from benchmarks.int8 import quiet_difference
from rnnedge.fitting import fit
from rnnedge.runs.data import int8_data, load_run_data
from rnnedge.runs.folder import Run
from rnnedge_export.compare import verification_stream
from rnnedge_export.exporting.export import export as export_module
from rnnedge_export.formats.rnne import writing as rnne
from rnnedge_export.formats.rnne.writing import LONG_RUN_STEPS
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.errors import DataError, ParityError, SpecError, StateError
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import DRIFT_STEPS, QUIET_STD_FRACTION

QUIET_STEPS = 20_000


@pytest.fixture(scope="module", autouse=True)
def _few_steps() -> Iterator[None]:
    """The long run of an artifact, short; test_integers.py has a whole one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rnne, "LONG_RUN_STEPS", 300)
        patch.setattr(verification_stream, "VERIFY_STEPS", 300)
        yield


@pytest.fixture(scope="module")
def run_of(tmp_path_factory) -> Callable[[str], Run]:
    """The finished run of a cell, trained when it is first asked for."""
    return functools.cache(
        lambda cell: tiny_run(tmp_path_factory.mktemp(cell), cell).run
    )


@pytest.fixture(params=["gru", "lstm", "rnn"])
def run(request, run_of) -> Run:
    return run_of(request.param)


@pytest.fixture(scope="module")
def gru(run_of) -> Run:
    return run_of("gru")


@pytest.fixture(scope="module")
def pair(gru, tmp_path_factory) -> Path:
    """Folder of the float and the int8 artifact of one run."""
    folder = tmp_path_factory.mktemp("pair")
    rnnedge.export(gru, formats="rnne", out=folder)
    rnnedge.export(gru, formats="rnne", out=folder, int8=True)
    return folder


def module_of(run: Run) -> SequenceModel:
    module = SequenceModel(run.spec)
    module.load_weights(run.weights)
    return module


def mae_by_hand(path: Path, run: Run) -> list[float]:
    """Mean absolute error on the last fifth, from the table and the artifact alone."""
    lines = (run.path.parent / "waves.csv").read_text().splitlines()[1:]
    cells = [line.split(",") for line in lines]
    readings = np.array([[float(c or "nan") for c in row[1:]] for row in cells])
    times = [np.datetime64(row[0][:-1]).astype("int64") for row in cells]
    stream = runtime.load(path).stream()
    pairs = zip(readings.astype(np.float32), times, strict=True)
    y = np.array([stream.step(x, time=int(t)) for x, t in pairs])
    test = load_run_data(run).series[0].parts.test
    return [
        float(
            np.abs(
                y[test.start : test.stop, step - 1]
                - readings[test.start + step : test.stop + step, 0]
            ).mean()
        )
        for step in (1, 2)
    ]


def drift_by_hand(folder: Path, x: np.ndarray) -> np.ndarray:
    """`[T]` difference of the two artifacts, in the output that is furthest apart."""
    steps = DRIFT_STEPS if has_native() else LONG_RUN_STEPS
    y = []
    for suffix in ("", "-int8"):
        engine = runtime.load(folder / f"boiler{suffix}.rnne").engine
        spec = runtime.load(folder / f"boiler{suffix}.rnne").spec
        state = initial_state(spec.graph_state, 1, np.float32)
        y.append(engine.run(np.resize(x, (1, steps, x.shape[1])), state)[0][0])
    errors = np.abs(y[1].astype(np.float64) - y[0])
    return errors[:, errors.max(axis=0).argmax()]


def test_the_report_is_what_the_artifacts_do(run, tmp_path):
    report = tmp_path / "r.json"
    rnnedge.export(run, formats="rnne", out=tmp_path)
    written = rnnedge.export(
        run, formats=("rnne",), out=tmp_path, int8=True, report=report
    )
    (artifact,) = written.artifacts
    assert artifact.path == tmp_path / "boiler-int8.rnne"
    found = artifact.quantisation
    assert found is not None
    int8 = mae_by_hand(artifact.path, run)
    in_float = mae_by_hand(tmp_path / "boiler.rnne", run)
    for loss, expected, reference in zip(found.losses, int8, in_float, strict=True):
        assert loss.int8_mae == pytest.approx(expected, rel=1e-4)
        assert loss.float_mae == pytest.approx(reference, rel=1e-4)
        assert loss.allowed >= 0.01 * loss.float_mae
        assert loss.is_within
    assert found.digest == runtime.load(artifact.path).digest != written.digest
    assert found.int8_nbytes == artifact.nbytes == artifact.path.stat().st_size
    assert found.float_nbytes == (tmp_path / "boiler.rnne").stat().st_size
    assert found.drift.num_steps == (DRIFT_STEPS if has_native() else LONG_RUN_STEPS)
    expected = drift_by_hand(tmp_path, load_run_data(run).series[0].x)
    assert found.drift.largest == pytest.approx(expected.max(), rel=1e-6)
    tenth = len(expected) // 10
    assert found.drift.last_tenth == pytest.approx(expected[-tenth:].max(), rel=1e-6)
    assert set(found.saturations) == (
        {
            "input",
            "0 difference",
            "2 " + run.spec.layers[2].kind,
            "3 linear",
            "5 add_last",
        }
    )
    assert 0 < found.drift.last_tenth <= found.drift.largest < found.drift.deviation
    assert found.kept == ()
    (content,) = json.loads(report.read_text())["artifacts"]
    assert content["limit"] is None
    assert content["int8"]["losses"][0]["int8_mae"] == found.losses[0].int8_mae
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "boiler-int8.rnne",
        "boiler.rnne",
        "r.json",
    ]


def test_int8_stays_beside_float_on_a_quiet_input(run, tmp_path):
    rnnedge.export(run, formats="rnne", out=tmp_path)
    rnnedge.export(run, formats="rnne", out=tmp_path, int8=True)
    engines = tuple(
        runtime.load(tmp_path / f"boiler{suffix}.rnne").engine
        for suffix in ("", "-int8")
    )
    series = load_run_data(run).series[0]
    steps = QUIET_STEPS if has_native() else 500
    for row in (series.x[: series.parts.train.stop].mean(axis=0), series.x[-1]):
        held = row.astype(np.float32)
        differences = quiet_difference(run.spec, engines, held, steps)
        assert differences.max() <= QUIET_STD_FRACTION * np.nanstd(series.y)


def test_quiet_difference_finds_what_creeps(pair, gru):
    class Creeping:
        def __init__(self, engine) -> None:
            self.engine, self.count = engine, 0

        def run(self, x, state):
            y, state = self.engine.run(x, state)
            self.count += x.shape[1]
            return y + np.float32(1e-5) * self.count, state

    engine = runtime.load(pair / "boiler.rnne").engine
    row = gru.stream[-1]
    found = quiet_difference(gru.spec, (engine, Creeping(engine)), row, 25_000)
    assert found == pytest.approx(0.25, rel=1e-2)
    assert quiet_difference(gru.spec, (engine, engine), row, 100).max() == 0


def test_an_error_that_rises_too_far_leaves_no_file(gru, tmp_path, monkeypatch):
    """A planted bug: the output layer's integers lose their signs."""
    from rnnedge_export.quantise import request as int8

    def wrong(spec, weights, ranges, kept):
        model = quantise(spec, weights, ranges, kept)
        tensor = model.tensors["layers.3.weight"]
        model.tensors["layers.3.weight"] = np.abs(tensor)
        return model

    quantise = int8.quantise
    monkeypatch.setattr(int8, "quantise", wrong)
    with pytest.raises(ParityError, match=r"rises from .* allowed are .*--max-loss"):
        rnnedge.export(gru, formats=("rnne", "c"), out=tmp_path, int8=True)
    assert not list(tmp_path.iterdir())
    written = rnnedge.export(
        gru, formats="rnne", out=tmp_path, int8=True, max_loss=1000.0
    )
    assert written.artifacts[0].quantisation.losses[0].percent > 1


def test_layers_kept_in_float_are_named(gru, tmp_path):
    report = rnnedge.export(
        gru, formats="rnne", out=tmp_path, int8=True, keep_float="linear"
    )
    # the affine layer behind it belongs to no integer segment, nor does add_last
    assert report.artifacts[0].quantisation.kept == (
        "3 linear",
        "4 affine",
        "5 add_last",
    )
    everything = [str(k) for k in range(6)]
    with pytest.raises(SpecError, match="all layers are kept in float"):
        rnnedge.export(
            gru, formats="rnne", out=tmp_path, int8=True, keep_float=everything
        )


def test_without_a_run_the_stream_calibrates_and_is_judged_on(gru, tmp_path):
    report = export_module(
        module_of(gru), formats="rnne", out=tmp_path, int8=True, stream=gru.stream
    )
    found = report.artifacts[0].quantisation
    assert found.losses == ()
    assert found.calibration_rows == int(0.7 * len(gru.stream))
    assert len(found.differences) == gru.spec.output_size
    assert report.notes == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ("rnne", "onnx")}, "format onnx: ONNX Runtime's quantiser"),
        ({"formats": "torchscript"}, "format torchscript: PyTorch's quantised"),
        ({"max_loss": -0.1}, "max_loss is -0.1"),
        ({"max_loss": float("nan")}, "max_loss is nan"),
        ({"keep_float": "dense"}, "'dense', but there is no such layer.*2 gru"),
        ({"keep_float": "affine"}, "'affine', but 2 layers are of this kind"),
    ],
)
def test_what_int8_cannot_do_is_said(gru, tmp_path, options, message):
    options = {"formats": "rnne", **options}
    with pytest.raises(SpecError, match=message):
        rnnedge.export(gru, out=tmp_path / "dist", int8=True, **options)
    assert not (tmp_path / "dist").exists()


def test_a_module_that_is_no_chain_is_said(tmp_path):
    class Odd(torch.nn.Module):
        def forward(self, x, state):
            state = torch.sort(state + x.sum(-1, keepdim=True)[:, 0])[0]
            return state[:, None], state

    with pytest.raises(SpecError, match="int8 was asked for, but Odd is not a chain"):
        export_module(
            Odd(),
            formats="rnne",
            out=tmp_path,
            int8=True,
            example=(torch.zeros(1, 1, 2), torch.zeros(1, 1)),
            stream=np.zeros((10, 2), np.float32),
        )


def test_data_that_is_gone_or_another_is_said(tmp_path):
    run = tiny_run(tmp_path, epochs=1).run
    table = tmp_path / "waves.csv"
    moved = table.rename(tmp_path / "moved.csv")
    with pytest.raises(DataError, match=r"cannot be read again.*`--data`"):
        rnnedge.export(run, formats="rnne", out=tmp_path / "dist", int8=True)
    other = write_waves(tmp_path / "other.csv", seed=5)
    with pytest.raises(StateError, match="is not the data the run was trained on"):
        rnnedge.export(run, formats="rnne", out=tmp_path, int8=True, source=other)
    assert not (tmp_path / "dist").exists()
    rnnedge.export(run, formats="rnne", out=tmp_path / "dist", int8=True, source=moved)


def test_a_run_on_a_data_frame_takes_it_again(tmp_path):
    frame = polars.read_csv(write_waves(tmp_path / "waves.csv"), try_parse_dates=True)
    fitted = fit(frame, target="a", out=tmp_path / "r", epochs=1, hidden_size=4)
    with pytest.raises(DataError, match="source="):
        rnnedge.export(fitted.run, formats="rnne", out=tmp_path, int8=True)
    for how in ({"source": frame}, {"prepared": fitted.prepared}):
        report = rnnedge.export(
            fitted.run, formats="rnne", out=tmp_path, int8=True, **how
        )
        assert report.artifacts[0].quantisation.losses


def test_several_series_are_calibrated_on_and_scored(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    for k in range(3):
        write_waves(folder / f"s{k}.csv", 300 + 40 * k, seed=k)
    fitted = fit(
        str(folder / "*.csv"), target="a", out=tmp_path / "r", epochs=1, hidden_size=4
    )
    report = rnnedge.export(fitted.run, formats="rnne", out=tmp_path, int8=True)
    found = report.artifacts[0].quantisation
    prepared = load_run_data(fitted.run)
    assert found.calibration_rows == sum(len(s.parts.train) for s in prepared.series)
    reported = fitted.run.report["parts"]["test"]["scores"]["network"]["a"]["1"]
    assert found.losses[0].float_mae == pytest.approx(reported["mae"], rel=1e-4)


def test_the_test_part_alone_is_scored(gru):
    prepared = load_run_data(gru)
    data = int8_data(prepared)
    series = prepared.series[0]
    known = np.isfinite(data.scored[0].y).all(axis=1)
    assert np.flatnonzero(known).tolist() == list(series.parts.test)
    assert len(data.calibration[0]) == series.parts.train.stop


def test_verify_takes_int8_for_other_numerics_of_one_spec(pair):
    report = verify([pair / "boiler.rnne", pair / "boiler-int8.rnne"])
    assert not report.has_failed
    assert {check.outcome for check in report.checks} == {"passed"}
    names = [check.name for check in report.checks]
    assert any("carried steps = w8a16.v1 in NumPy, bit" in name for name in names)
    assert names[-2:] == [
        "one spec in two numerics",
        "mean difference of int8 from float",
    ]
    assert "same digest" not in names
    alone = verify([pair / "boiler-int8.rnne"])
    (unchecked,) = [c for c in alone.checks if c.outcome != "passed"]
    assert unchecked.outcome == "not checked"
    assert "pass the float file of the same run too" in unchecked.detail


def test_verify_finds_the_float_artifact_of_another_run(pair, tmp_path):
    run = tiny_run(tmp_path, seed=3, epochs=1).run
    bias = {"layers.3.bias": run.weights["layers.3.bias"] + np.float32(0.5)}
    run = dataclasses.replace(run, weights={**run.weights, **bias})
    rnnedge.export(run, formats="rnne", out=tmp_path)
    report = verify([tmp_path / "boiler.rnne", pair / "boiler-int8.rnne"])
    failed = [check.name for check in report.checks if check.outcome == "failed"]
    assert failed == ["mean difference of int8 from float"]
    other = tiny_run(tmp_path, seed=3, epochs=1, add_last=False, overwrite=True).run
    rnnedge.export(other, formats="rnne", out=tmp_path)
    report = verify([tmp_path / "boiler.rnne", pair / "boiler-int8.rnne"])
    failed = [check.name for check in report.checks if check.outcome == "failed"]
    assert failed == ["one spec in two numerics"]


def test_verify_finds_an_engine_that_is_not_the_definition(pair, monkeypatch):
    from rnnedge_export.verifying import evidence

    def wrong(spec, parameters):
        engine = original(spec, parameters)
        state = initial_state(spec.graph_state, 1, np.float32)
        run = type(engine).run
        monkeypatch.setattr(
            engine, "run", lambda x, s: run(engine, x * np.float32(1.01), s)
        )
        assert state
        return engine

    original = evidence.numpy_engine
    monkeypatch.setattr(evidence, "numpy_engine", wrong)
    report = verify([pair / "boiler-int8.rnne"])
    (failed,) = [check for check in report.checks if check.outcome == "failed"]
    assert "w8a16.v1 in NumPy" in failed.name
    assert "differs first at step" in failed.detail


def test_int8_of_every_format_is_one_model(gru, tmp_path):
    report = rnnedge.export(gru, formats=("rnne", "c"), out=tmp_path, int8=True)
    assert [item.path.name for item in report.artifacts] == [
        "boiler-int8.rnne",
        "boiler_int8.c",
    ]
    found = verify([item.path for item in report.artifacts])
    assert not found.has_failed
    assert "same outputs, bit for bit" in [check.name for check in found.checks]


def test_the_reference_backend_says_why_it_is_none(pair):
    with pytest.raises(SpecError, match=r"integers \(w8a16.v1\).*no float64 reference"):
        runtime.load(pair / "boiler-int8.rnne", backend="reference")
