"""`fit`: from a table of readings to a run folder."""

from __future__ import annotations

import dataclasses
import inspect
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from rnnedge.data.series import Dataset
from rnnedge.data.split import without_constant_features
from rnnedge.data.tables.loading import load_dataset, load_recorded
from rnnedge.data.tables.sources.files import name_of
from rnnedge.data.tables.values.resolved import option_fields, take_options
from rnnedge.evaluation.reporting import write_run
from rnnedge.evaluation.scores.scoring import Evaluation
from rnnedge.evaluation.seeds import SeedErrors, seed_errors
from rnnedge.runs import folder as run_folder
from rnnedge.runs.folder import Run, load_run
from rnnedge.tasks.blocks import blocks_to_toml
from rnnedge.tasks.config import (
    OF_NETWORK,
    TrainConfig,
    config_to_toml,
    read_config,
)
from rnnedge.tasks.task import Prepared, find_task
from rnnedge.training import running
from rnnedge.training.checkpoint import (
    data_fingerprint,
    load_checkpoint,
    restore_trainer,
)
from rnnedge.training.observers.progress import tell
from rnnedge.training.trainer import Trainer
from rnnedge_runtime.errors import DataError, SpecError, require
from rnnedge_runtime.tables.options import TableOptions

P = ParamSpec("P")
R = TypeVar("R")


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C during training; where it stands is saved, the message says how to resume."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A finished run with what its report was made of."""

    run: Run
    prepared: Prepared
    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class FitChoices(TrainConfig, TableOptions):
    """The keywords of `fit`."""

    target: str | Sequence[str]
    out: str | Path | None = None
    features: Sequence[str] | None = None
    time: str | None = None
    series: str | None = None
    units: Mapping[str, str] | None = None
    module: Any = None
    example: Any = None
    overwrite: bool = False
    is_quiet: bool = False
    on_prepared: Callable[[Dataset, Prepared], object] = lambda dataset, prepared: None


def _with_keywords(
    choices: Callable[P, object],
) -> Callable[[Callable[..., R]], Callable[Concatenate[Any, P], R]]:
    """For help and type checkers: the fields of a dataclass in place of `**choices`."""

    def decorate(function: Callable[..., R]) -> Callable[Concatenate[Any, P], R]:
        plain, fields_of = inspect.signature(function), inspect.signature(choices)
        parameters = sorted(
            fields_of.parameters.values(),
            key=lambda p: p.name not in FitChoices.__annotations__,
        )
        function.__signature__ = plain.replace(  # type: ignore[attr-defined]
            parameters=[plain.parameters["source"], *parameters]
        )
        return function

    return decorate


@_with_keywords(FitChoices)
def fit(source: Any, **choices: Any) -> Fitted:
    """Train a network on a table of readings and write its run folder.

    Args:
        source: path of a table, a folder, a glob, several of them, or a data frame
            (`load_dataset`).
        target: column or columns to forecast.
        horizon: steps ahead, 1 to horizon at once.
        out: run folder; None: `runs/<name of the source>`, numbered when it exists.
        features: input columns; None: all numeric ones.
        time: time column; None: found.
        series: column that tells several series apart; several joined by `+`.
        units: unit by column name; where absent it is read off the name.
        module: a `torch.nn.Module` of your own to train in place of `cell` and the like; it
            reads scaled inputs `[B, T, I]`, gives scaled outputs `[B, T, O]`, and has the
            weights of the best epoch in the end.
        example: `(x, state...)` for it, as of `export`; None: it takes x alone.
        overwrite: replace the run that `out` holds.
        is_quiet: no progress.
        on_prepared: told what was read and what will be trained, before the training.
        **choices: the other fields of TrainConfig, and those of TableOptions, which say
            how the tables are read.

    Raises:
        DataError: the table cannot be used; the message names column and row.
        SpecError: a choice that does not exist or does not fit; a module that does not
            stream.
        MissingDependencyError: a package of the `train` extra is not installed.
        TrainingStopped: Ctrl-C; `resume(out)` goes on.
    """
    known = [field.name for field in fields(FitChoices)]
    unknown = sorted(set(choices) - set(known))
    if unknown:
        raise SpecError(
            f"train: {', '.join(unknown)} is not a choice, expected some of "
            f"{', '.join(known)}. Check the spelling."
        )
    options = take_options(choices)
    given = FitChoices(**choices)
    config = TrainConfig(
        **{field.name: getattr(given, field.name) for field in fields(TrainConfig)}
    )
    if given.module is not None:
        _check_own(config)
    targets = (given.target,) if isinstance(given.target, str) else tuple(given.target)
    dataset = load_dataset(
        source,
        targets=targets,
        features=given.features,
        time=given.time,
        series=given.series,
        units=given.units,
        options=options,
    )
    dataset = without_constant_features(
        dataset,
        given.horizon,
        are_named=given.features is not None,
        rule=config.split_rule(dataset.clock),
    )
    prepared = find_task().prepare(dataset, config)
    if given.module is not None:
        prepared = _with_module(prepared, given.module, given.example)
    given.on_prepared(dataset, prepared)
    running.choose_device(config.device)
    _require_all()
    folder = run_folder.new_folder(
        given.out, name_of(source), overwrite=given.overwrite
    )
    data = {
        "source": _source_text(source, dataset),
        "targets": list(targets),
        "features": list(dataset.features),
        "time": given.time,
        "series": given.series,
        "units": dict(given.units) if given.units else None,
        **option_fields(options),
        **dataset.found,
        "found": sorted(dataset.found),
    }
    train = dataclasses.asdict(config)
    if prepared.module is not None:
        data[run_folder.OWN_MODULE] = prepared.module.name
        train = {k: v for k, v in train.items() if k not in OF_NETWORK}
    text = config_to_toml({"data": data, "train": train})
    run_folder.write_atomically(folder / run_folder.CONFIG, text.encode())
    if prepared.module is None:
        blocks = blocks_to_toml(config.blocks)
        run_folder.write_atomically(folder / run_folder.MODEL, blocks.encode())
    own = given.module
    return _train(folder, dataset, prepared, config, own=own, is_quiet=given.is_quiet)


def recorded_choices(path: str | Path) -> dict[str, Any]:
    """The arguments of `fit` that a run's config records, `source` among them.

    What was found in its tables is found again, as others may stand in their place.

    Args:
        path: `config.toml` of a run, or its folder.

    Raises:
        DataError: it is not the config of a run.
    """
    path = Path(path)
    config, data = read_config(path / run_folder.CONFIG if path.is_dir() else path)
    data = {k: v for k, v in data.items() if k not in ("found", *data.get("found", ()))}
    data["target"] = data.pop("targets")
    return {**dataclasses.asdict(config), **data}


def resume(
    folder: str | Path,
    *,
    source: Any = None,
    module: Any = None,
    example: Any = None,
    is_quiet: bool = False,
) -> Fitted:
    """Go on with a run that was stopped, to the same result as if it had not been.

    Args:
        folder: the run folder.
        source: the data when it was a data frame, or its new place; None: where it was.
        module: of a run that trains a module, one of the same class; its weights are those
            of the run in the end.
        example: for it, as of `fit`.
        is_quiet: no progress.

    Raises:
        DataError: not a run folder, the run is finished, or the data is gone.
        SpecError: a module is missing, or given to a run that trains none.
        StateError: the data has changed, or the module is another.
        FormatError: the checkpoint is absent or damaged.
        MissingDependencyError, TrainingStopped: as `fit`.
    """
    folder = Path(folder)
    config, data = read_config(folder / run_folder.CONFIG)
    name = data.get(run_folder.OWN_MODULE)
    if (name is None) != (module is None):
        raise SpecError(
            f"{folder}: the run trains "
            f"{f'a module of your own, {name},' if name else 'layers of its own'} and "
            f"module= is {'missing' if name else 'given'}. "
            + (
                f"Go on with rnnedge.resume('{folder}', module={name}(...), example=...)."
                if name
                else "Leave it out."
            )
        )
    if (folder / run_folder.REPORT).is_file():
        raise DataError(
            f"{folder}: the run is finished, expected one that was stopped. "
            "Export it, or start a new run with another --out."
        )
    dataset = load_recorded(data, source)
    prepared = find_task().prepare(dataset, config)
    if module is not None:
        prepared = _with_module(prepared, module, example)
    _require_all()
    state = load_checkpoint(folder, data_fingerprint(prepared))
    return _train(
        folder, dataset, prepared, config, state=state, own=module, is_quiet=is_quiet
    )


def _check_own(config: TrainConfig) -> None:
    """Raise SpecError for choices about a network beside a module of one's own."""
    defaults = TrainConfig.__dataclass_fields__
    for name in (*OF_NETWORK, "seeds"):
        value = getattr(config, name)
        if value != defaults[name].default:
            raise SpecError(
                f"train: {name} is {value!r} beside module=, which is trained as it is, "
                f"from its own weights. Leave {name} out."
            )


def _with_module(prepared: Prepared, module: Any, example: Any) -> Prepared:
    from rnnedge.training.own_module import with_module

    return with_module(prepared, module, example)


def _require_all() -> None:
    """Raise MissingDependencyError before the training, not after it."""
    for module in ("safetensors", "matplotlib", "rich"):
        require(module, extra="train", purpose="Training")


def _train(
    folder: Path,
    dataset: Dataset,
    prepared: Prepared,
    config: TrainConfig,
    *,
    state: dict[str, Any] | None = None,
    own: Any = None,
    is_quiet: bool,
) -> Fitted:
    device = running.choose_device(config.device)
    started = clock.perf_counter()
    how_to_go_on = f"Go on with: rnnedge train --resume {folder}"
    if own is not None:
        how_to_go_on = (
            f"Go on with: rnnedge.resume('{folder}', module=..., example=...)"
        )
    past: list[dict[str, Any]] = state.pop(running.PAST_SEEDS, []) if state else []
    states = [*past, state] if state else []
    done: list[dict[str, Any]] = []
    runs: list[SeedErrors] = []
    best: Trainer | None = None
    with running.torch_settings(config, device):
        fingerprint = data_fingerprint(prepared)
        for number in range(config.seeds):
            one = dataclasses.replace(config, seed=config.seed + number)
            trainer = Trainer(prepared, one, device)
            if number < len(states):
                restore_trainer(trainer, states[number], folder)
            if number >= len(past):
                if config.seeds > 1:
                    text = f"seed {one.seed}, {number + 1} of {config.seeds}"
                    tell(text, is_quiet=is_quiet)
                if not running.run_in_folder(
                    folder, trainer, fingerprint, done, is_quiet=is_quiet
                ):
                    raise TrainingStopped(
                        f"Stopped in epoch {trainer.epoch + 1} of {config.epochs}, all of "
                        f"it saved. {how_to_go_on}"
                    )
            if config.seeds > 1:
                done.append(trainer.state_dict())
                runs.append(seed_errors(prepared, trainer))
            if best is None or trainer.best_error < best.best_error:
                best = trainer
        assert best is not None
        running.save_results(folder, best)
        try:
            evaluation = write_run(
                folder,
                dataset,
                prepared,
                best,
                seconds=clock.perf_counter() - started,
                runs=runs,
                is_quiet=is_quiet,
            )
            run = load_run(folder)
            if own is not None:
                running.save_module(folder, own, best)
                prepared = prepared.with_spec(run.spec)
            return Fitted(run, prepared, evaluation)
        except KeyboardInterrupt:
            raise TrainingStopped(
                f"Stopped after the training, before the report. {how_to_go_on}"
            ) from None


def _source_text(source: Any, dataset: Dataset) -> str | list[str]:
    if isinstance(source, str | Path):
        return str(Path(source).expanduser().absolute())
    if isinstance(source, list | tuple):
        return [str(Path(item).expanduser().absolute()) for item in source]
    return dataset.source
