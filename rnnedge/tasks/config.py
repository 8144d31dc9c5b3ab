"""TrainConfig: every choice of a training run, saved resolved in its run folder."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from rnnedge.data.limits import read_limits
from rnnedge.data.split import SplitRule
from rnnedge.tasks.blocks import (
    CELLS,
    FUSED,
    USUAL_LAYERS,
    Block,
    Cell,
    Dense,
    read_blocks,
    read_conv,
)
from rnnedge_runtime.errors import DataError, SpecError
from rnnedge_runtime.tables.times.zone import time_on_clock

# low, high, whether low itself is excluded, an example
_RANGES = {
    "dropout": (0.0, 1.0, False, 0.1),
    "warmup": (0.0, 1.0, False, 0.1),
    "learning_rate": (0.0, float("inf"), True, 0.005),
    "weight_decay": (0.0, float("inf"), False, 0.01),
    "clip_norm": (0.0, float("inf"), True, 1.0),
}
_TUPLES = ("clip", "range", "period", "split", "split_at", "hold_out_series")
_AT_LEAST = {
    "horizon": 1,
    "hidden_size": 1,
    "num_layers": 0,
    "proj_size": 0,
    "head": 0,
    "epochs": 1,
    "patience": 1,
    "lanes": 0,
    "chunk_length": 1,
    "burn_in": 0,
    "threads": 0,
    "season": 0,
    "seed": 0,
    "seeds": 1,
}
_MOST_SEED = 2**63


@dataclass(frozen=True, kw_only=True)  # no slots: `fit` joins it with TableOptions
class TrainConfig:
    """Choices of a training run.

    Attributes:
        horizon: steps ahead to forecast, 1 to horizon at once.
        cell: recurrent cell.
        hidden_size: H of every recurrent layer.
        num_layers: stacked recurrent layers; 0 chooses: two of `lru`, one of others.
        proj_size: P of a projected LSTM, 0 for none.
        nonlinearity: of the plain RNN.
        dropout: between recurrent layers, training only.
        norm: of what each recurrent layer reads.
        residual: add what a recurrent layer reads to what it gives.
        conv: a causal convolution in front, `CHANNELSxTAPS` or `CHANNELSxTAPS@DILATION`;
            "" for none.
        head: units of a hidden layer behind the recurrent ones, 0 for none.
        layers: a table of blocks in TOML (`rnnedge.tasks.blocks`) in place of all these
            choices from `cell` on; "" for none.
        step: feature that holds the time since the row before, which every `lru` cell then
            takes as the length of its step; "" for rows that are one step apart.
        bidirectional: always refused; such a network cannot stream.
        add_last: add the last reading of the target to the output, so that the network
            learns the change; None: whenever every target is also a feature.
        drift: prepare for series that leave their training range: the change of each
            target since the step before is an input as well, and part of the training
            sees shifted levels; None: whenever the last reading is added.
        clip: how far the network looks beyond the training range, `off`, a width or
            `LO:HI`, `NAME=` in front for one feature (`rnnedge.data.limits`).
        range: plausible readings, `off` or `LO:HI`, `NAME=` in front for one feature.
        derived: inputs made from the time stamp; `auto`: where the sampling period and the
            length of the training part make them meaningful.
        period: more periods of which the phase is an input, such as `12h`.
        missing: policy for missing readings of all features; with `predict` those of targets
            are filled by the forecast of the step before, and of other features held.
        loss: on errors in units of each output's standard deviation.
        epochs: passes over the training part, at most.
        patience: epochs without a better validation error before stopping.
        learning_rate: peak of the schedule (linear warmup, cosine decay to zero).
        warmup: fraction of the optimizer steps spent on the warmup.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient.
        lanes: series or slices of a series trained side by side; 0 chooses.
        chunk_length: steps of truncated backpropagation.
        burn_in: first steps left out of the loss of a slice that starts within a series.
        seed: of the initial weights, dropout and chunk borders.
        device: where to train.
        precision: `bf16` runs the network in autocast on CUDA.
        threads: CPU threads; 0 chooses.
        season: steps of one season for the seasonal-naive baseline; 0 chooses.
        split: shares of the time for training, validation and test part, in this order.
        split_at: start of the validation and of the test part in place of the shares, ISO
            8601, on the clock of the table where no offset is written; () or two texts.
        split_by: `date`: the parts start at the same dates in all series; `series`: each
            series is split by its own rows.
        hold_out_series: names of series that are only tested, never trained on.
        seeds: networks to train, of seed, seed + 1 and so on; the best by validation error
            is kept.
    """

    horizon: int = 1
    cell: str = "gru"
    hidden_size: int = 64
    num_layers: int = 0
    proj_size: int = 0
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    dropout: float = 0.0
    norm: Literal["none", "layer", "rms"] = "none"
    residual: bool = False
    conv: str = ""
    head: int = 0
    layers: str = ""
    step: str = ""
    bidirectional: bool = False
    add_last: bool | None = None
    drift: bool | None = None
    clip: tuple[str, ...] = ()
    range: tuple[str, ...] = ()
    derived: Literal[
        "auto", "none", "hour_of_day", "weekday", "time_of_year", "both"
    ] = "auto"
    period: tuple[str, ...] = ()
    missing: Literal["hold", "predict", "reject"] = "hold"
    loss: Literal["huber", "mae", "mse"] = "mae"
    epochs: int = 40
    patience: int = 15
    learning_rate: float = 5e-3
    warmup: float = 0.1
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    lanes: int = 0
    chunk_length: int = 24
    burn_in: int = 24
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bf16"] = "float32"
    threads: int = 0
    season: int = 0
    split: tuple[float, ...] = (0.7, 0.1, 0.2)
    split_at: tuple[str, ...] = ()
    split_by: Literal["date", "series"] = "date"
    hold_out_series: tuple[str, ...] = ()
    seeds: int = 1

    def __post_init__(self) -> None:
        for name in _TUPLES:
            value = getattr(self, name)
            values = (value,) if isinstance(value, str) else tuple(value or ())
            object.__setattr__(self, name, values)
        read_limits(self.clip, self.range)
        if self.bidirectional:
            raise SpecError(
                "train: bidirectional=True was asked for, expected a causal network. A "
                "bidirectional network cannot stream: its output waits for the end of the "
                "series. Leave it out, and use more units or layers."
            )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise SpecError(
                    f"train: {name} is '{getattr(self, name)}', expected one of "
                    f"{', '.join(choices)}. Choose one of these."
                )
        for name, least in _AT_LEAST.items():
            if getattr(self, name) < least:
                raise SpecError(
                    f"train: {name} is {getattr(self, name)}, expected {least} or more. "
                    f"Set --{name.replace('_', '-')} accordingly."
                )
        if self.seed + self.seeds > _MOST_SEED:
            raise SpecError(
                f"train: seed is {self.seed} with {self.seeds} seeds, expected less than "
                "2^63. Choose a smaller --seed."
            )
        for name, (low, high, is_open, usual) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value < high or (is_open and value == low):
                start = "above" if is_open else "from"
                raise SpecError(
                    f"train: {name} is {value}, expected a number {start} {low:g} to below "
                    f"{high:g}. Use for example {usual}."
                )
        if self.proj_size and (
            self.cell != "lstm" or self.proj_size >= self.hidden_size
        ):
            raise SpecError(
                f"train: proj_size is {self.proj_size} with a {self.cell} of "
                f"{self.hidden_size} units, expected an lstm of more units than that. "
                "Use --cell lstm, or leave --proj-size out."
            )
        _check_network(self)
        _check_split(self)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What the network is made of between its scalers."""
        if self.layers:
            return read_blocks(self.layers)
        cell = Cell(
            cell=self.cell,
            units=self.hidden_size,
            proj_size=self.proj_size,
            nonlinearity=self.nonlinearity,
            norm=self.norm,
            residual=self.residual,
        )
        conv = (read_conv(self.conv),) if self.conv else ()
        head = (Dense(units=self.head),) if self.head else ()
        layers = self.num_layers or USUAL_LAYERS.get(self.cell, 1)
        return (*conv, *(cell,) * layers, *head)

    def split_rule(self, clock: str = "") -> SplitRule:
        """The split that the four fields about it ask for.

        Args:
            clock: what a date without an offset means (`Dataset.clock`); "" for UTC.
        """
        at = [_time_us(text, clock) for text in self.split_at]
        return SplitRule(
            validation=self.split[1],
            test=self.split[2],
            at_us=(at[0], at[1]) if at else None,
            by=self.split_by,
            held_out=self.hold_out_series,
        )


CHOICES: dict[str, tuple[str, ...]] = {
    "cell": tuple(CELLS),
    **{
        name: get_args(hint)
        for name, hint in get_type_hints(TrainConfig).items()
        if get_origin(hint) is Literal
    },
}


OF_BLOCKS = (
    *("cell", "hidden_size", "num_layers", "proj_size", "nonlinearity"),
    *("norm", "residual", "conv", "head"),
)
"""Choices that a table of layers makes block by block."""

OF_NETWORK = (*OF_BLOCKS, "dropout", "layers", "bidirectional")
"""Choices that a module of one's own makes."""


def _check_network(config: TrainConfig) -> None:
    blocks = config.blocks
    if config.dropout and not all(isinstance(b, Cell) and b.is_fused for b in blocks):
        raise SpecError(
            f"train: dropout is {config.dropout} beside blocks that have none, expected a "
            f"stack of {', '.join(FUSED)} alone. Leave --dropout out."
        )
    if config.step and not any(isinstance(b, Cell) and b.cell == "lru" for b in blocks):
        raise SpecError(
            f"train: step is '{config.step}' beside cells that take steps of one length, "
            "expected an lru. Use --cell lru, or leave --step out."
        )
    if not config.layers:
        return
    defaults = TrainConfig.__dataclass_fields__
    for name in OF_BLOCKS:
        if getattr(config, name) != defaults[name].default:
            raise SpecError(
                f"train: {name} is '{getattr(config, name)}' beside a table of layers, which "
                f"says it block by block. Leave --{name.replace('_', '-')} or --layers out."
            )


def _check_split(config: TrainConfig) -> None:
    shares = config.split
    if (
        len(shares) != 3
        or not all(isinstance(s, int | float) and 0 < s < 1 for s in shares)
        or abs(sum(shares) - 1) > 1e-6
    ):
        raise SpecError(
            f"train: split is {' '.join(map(str, shares)) or 'empty'}, expected three "
            "shares above 0 that add up to 1: training, validation, test. Write for "
            "example --split 0.7 0.1 0.2."
        )
    if not config.split_at:
        return
    times = [_time_us(text) for text in config.split_at]
    if len(times) != 2 or times[0] >= times[1]:
        raise SpecError(
            f"train: split_at is {' '.join(map(str, config.split_at))}, expected the start "
            "of the validation part, then the later start of the test part. Write for "
            "example --split-at 2024-10-01 2024-11-01."
        )
    if config.split_by == "series":
        raise SpecError(
            "train: split_at stands beside split_by 'series', which gives every series its "
            "own dates. Leave --split-at or --split-by out."
        )
    if shares != TrainConfig.__dataclass_fields__["split"].default:
        raise SpecError(
            f"train: split_at stands beside split {' '.join(map(str, shares))}; dates and "
            "shares both say where the parts begin. Leave --split-at or --split out."
        )


def _time_us(text: str, clock: str = "") -> int:
    time_us = time_on_clock(str(text), clock)
    if time_us is None:
        raise SpecError(
            f"train: split_at holds '{text}', expected a date or time such as 2024-10-01 "
            "or 2024-10-01T06:00:00Z. Write --split-at in this way."
        )
    return time_us


def config_to_toml(sections: dict[str, dict[str, Any]]) -> str:
    """TOML text of flat sections; None is left out."""
    lines = []
    for title, fields in sections.items():
        lines.append(f"[{title}]")
        lines += [f"{k} = {_toml(v)}" for k, v in fields.items() if v is not None]
        lines.append("")
    return "\n".join(lines)


def read_config(path: Path) -> tuple[TrainConfig, dict[str, Any]]:
    """The training section and the data section of a run's `config.toml`.

    Raises:
        DataError: the file is absent, not TOML or holds unknown fields.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        config, data = TrainConfig(**content["train"]), content["data"]
        _check_data(data)
        return config, data
    except FileNotFoundError:
        raise DataError(
            f"{path}: the file does not exist, expected the config of a training run. "
            "Name a folder that `rnnedge train --out` wrote."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path}: the config cannot be read: {error.strerror}. "
            "Name a folder that `rnnedge train --out` wrote, which you may read."
        ) from None
    except SpecError as error:
        raise DataError(
            f"{path}: {error} The file was changed; restore it, or train again."
        ) from None
    # ValueError: not TOML, or not UTF-8.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path}: not the config of a training run: {error}. "
            "Restore the file, or train again."
        ) from None


def _check_data(data: dict[str, Any]) -> None:
    """Raise KeyError or TypeError where the section of the data cannot be one."""
    if not data["targets"]:
        raise TypeError("no target is named")
    for name in ("targets", "features", "found"):
        values = data.get(name) or []
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise TypeError(f"{name} is no list of names")
    if not isinstance(data.get("units") or {}, dict):
        raise TypeError("units is no table")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return repr(value)
