import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables.small_data import waves

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.training.checkpoint import (
    data_fingerprint,
    load_checkpoint,
    save_checkpoint,
)
from rnnedge.training.trainer import Trainer
from rnnedge.training.validation import Validator, stream_predictions
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime import tolerances
from rnnedge_runtime.errors import FormatError, NonFiniteError, SpecError, StateError

CPU = torch.device("cpu")
SMALL = TrainConfig(
    horizon=3,
    hidden_size=5,
    num_layers=2,
    dropout=0.2,
    epochs=3,
    chunk_length=16,
    lanes=3,
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def trained(config, dataset=None):
    trainer = Trainer(prepare(dataset or waves(200), config), config, CPU)
    assert trainer.run()
    return trainer


def same_bits(one, two):
    left, right = one.model.state_dict(), two.model.state_dict()
    return all(torch.equal(left[name], right[name]) for name in left)


@settings(max_examples=12)
@given(st.integers(1, 20), st.sampled_from(["rnn", "gru", "lstm"]), st.integers(0, 3))
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path_factory, stop_after, cell, seed
):
    config = dataclasses.replace(SMALL, cell=cell, seed=seed)
    prepared = prepare(waves(200), config)
    whole = trained(config)

    part = Trainer(prepared, config, CPU)
    calls = iter(range(10**6))
    finished = part.run(on_chunk=lambda trainer: next(calls) + 1 < stop_after)
    folder = tmp_path_factory.mktemp("run")
    fingerprint = data_fingerprint(prepared)
    save_checkpoint(folder, part.state_dict(), fingerprint)
    torch.manual_seed(1234)
    rest = Trainer(prepared, config, CPU)
    rest.load_state_dict(load_checkpoint(folder, fingerprint))
    assert rest.run()

    assert same_bits(whole, rest)
    assert whole.history == rest.history
    assert finished or len(rest.history) == config.epochs
    best, again = whole.best_model(), rest.best_model()
    for name, array in best.weights().items():
        np.testing.assert_array_equal(array, again.weights()[name])


def test_same_seed_same_bits_other_seed_other_weights():
    assert same_bits(trained(SMALL), trained(SMALL))
    assert not same_bits(trained(SMALL), trained(dataclasses.replace(SMALL, seed=1)))


def test_carried_state_equals_one_long_run():
    """Lanes of one series cut into chunks must give the outputs of the uncut series."""
    config = dataclasses.replace(
        SMALL, dropout=0.0, lanes=1, learning_rate=1e-12, drift=False
    )
    prepared = prepare(waves(200), config)
    trainer = Trainer(prepared, config, CPU)
    expected, _ = trainer.model(
        torch.from_numpy(prepared.series[0].x[: len(prepared.series[0].parts.train)])[
            None
        ],
        trainer.model.initial_state(1),
    )
    seen = []
    forward = trainer.model.forward

    def record(x, state):
        y, state = forward(x, state)
        seen.append(y.detach())
        return y, state

    trainer.model.forward = record
    trainer.run(on_chunk=lambda t: t.chunk < t.num_chunks)
    joined = torch.cat(seen, dim=1)[:, : expected.shape[1]]
    limit = tolerances.parity_limit(expected[0].detach().numpy())
    assert float((joined - expected.detach()).abs().max()) <= limit


def test_padding_and_neighbours_stay_out_of_the_loss():
    """A short series beside a longer one: the first loss is that of its own rows only."""
    config = dataclasses.replace(
        SMALL,
        drift=False,
        dropout=0.0,
        lanes=2,
        horizon=1,
        chunk_length=50,
        loss="mae",
        split_by="series",
    )
    prepared = prepare(waves(num_series=2, lengths=(100, 40)), config)
    trainer = Trainer(prepared, config, CPU)
    trainer.offset = 0
    total, count = 0.0, 0
    for series in prepared.series:
        rows = series.parts.train[:50]
        x = torch.from_numpy(series.x[: rows.stop])[None]
        with torch.no_grad():
            y_hat, _ = trainer.model(x, trainer.model.initial_state(1))
        error = np.abs(y_hat[0].numpy() - series.y[: rows.stop]) / prepared.output_scale
        total, count = total + float(error.sum()), count + error.size
    trainer.run(on_chunk=lambda trainer: False)
    assert trainer._loss_count == count == 50 + 27
    assert abs(trainer._loss_sum - total) <= count * tolerances.parity_limit(error)


def test_validation_streams_the_held_out_span_with_carried_state():
    config = dataclasses.replace(SMALL, dropout=0.0)
    prepared = prepare(waves(300, num_series=2, lengths=(300, 250)), config)
    model = SequenceModel(prepared.spec).eval()
    model.load_weights({**model.weights(), **prepared.affine_weights})
    errors = []
    for series in prepared.series:
        y_hat = stream_predictions(model, series)
        rows = slice(series.parts.validation.start, series.parts.validation.stop)
        errors.append(np.abs(y_hat[rows] - series.y[rows]))
    expected = np.nanmean(np.concatenate(errors), axis=0)
    mae = Validator(prepared, CPU).mean_errors(model)
    assert np.abs(mae - expected).max() <= tolerances.parity_limit(
        np.concatenate([s.x for s in prepared.series])
    )


def test_early_stopping_keeps_the_best_weights():
    config = dataclasses.replace(SMALL, epochs=60, patience=2, learning_rate=0.05)
    trainer = trained(config)
    assert len(trainer.history) < config.epochs
    best = min(trainer.history, key=lambda record: record.validation_error)
    assert trainer.best_epoch == best.epoch - 1
    validator = Validator(prepare(waves(200), config), CPU)
    assert (
        validator.error(validator.mean_errors(trainer.best_model()))
        == best.validation_error
    )


@pytest.mark.parametrize("loss", ["huber", "mae", "mse"])
def test_losses_learn(loss):
    config = TrainConfig(
        horizon=2,
        hidden_size=8,
        epochs=12,
        loss=loss,
        lanes=4,
        chunk_length=16,
        learning_rate=1e-2,
    )
    history = trained(config, waves(500)).history
    assert history[-1].validation_error < 0.6 * history[0].validation_error


def test_burn_in_leaves_out_the_first_steps_of_slices_within_a_series():
    config = dataclasses.replace(SMALL, burn_in=4, lanes=2, epochs=1, drift=False)
    counts = []
    for burn_in in (0, 4):
        trainer = Trainer(
            prepare(waves(200), config),
            dataclasses.replace(config, burn_in=burn_in),
            CPU,
        )
        trainer.run(
            on_chunk=lambda t, c=counts: (
                (c.append(t._loss_count) if t.chunk == t.num_chunks else None) or True
            )
        )
    assert counts[0] - counts[1] == 4 * 3


def test_a_network_beyond_the_memory_is_refused():
    """A traceback of PyTorch's allocator."""
    config = dataclasses.replace(SMALL, hidden_size=2**18)
    with pytest.raises(SpecError, match="262,144 units each, does not fit"):
        Trainer(prepare(waves(200), config), config, CPU)


def test_divergence_is_named():
    config = dataclasses.replace(SMALL, learning_rate=1e30, epochs=5)
    with pytest.raises(NonFiniteError, match=r"loss is .* smaller --learning-rate"):
        trained(config)


def test_a_network_that_explodes_in_validation_is_named():
    """NaN forecasts were left out of the error: the worst network looked best."""
    config = dataclasses.replace(SMALL, epochs=1)
    prepared = prepare(waves(200), config)
    trainer = Trainer(prepared, config, CPU)
    validator = Validator(prepared, CPU)
    with torch.no_grad():
        trainer.model.layers[-2].scale.fill_(1e38)
        trainer.model.layers[-3].linear.bias.fill_(1e38)
    assert validator.error(validator.mean_errors(trainer.model)) == float("inf")
    trainer.epoch = 1
    with pytest.raises(NonFiniteError, match="explodes when it is streamed"):
        trainer.best_model()


def test_checkpoint_of_other_data_or_damaged_is_refused(tmp_path):
    prepared = prepare(waves(200), SMALL)
    trainer = Trainer(prepared, SMALL, CPU)
    fingerprint = data_fingerprint(prepared)
    with pytest.raises(FormatError, match="does not exist"):
        load_checkpoint(tmp_path, fingerprint)
    save_checkpoint(tmp_path, trainer.state_dict(), fingerprint)
    with pytest.raises(StateError, match="the data has changed"):
        load_checkpoint(tmp_path, data_fingerprint(prepare(waves(200, seed=1), SMALL)))
    path = tmp_path / "last.ckpt"
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"hello"):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match="cut short or changed"):
            load_checkpoint(tmp_path, fingerprint)
