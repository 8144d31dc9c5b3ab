"""The training loop: truncated backpropagation through time with carried state.

All rows live on the training device; a chunk is a gather of rows, so an epoch reads every
row once. The loss is in units of each output's standard deviation. A run may stop after any
chunk and go on from its checkpoint to the same weights, bit for bit on the CPU.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import Prepared
from rnnedge.training.lanes import LanePlan, choose_num_lanes, cut_segments, plan_epoch
from rnnedge.training.level_shifts import (
    LOSS_WEIGHT,
    LevelShifter,
    LevelShifts,
    takes_shifts,
)
from rnnedge.training.validation import Validator
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.errors import NonFiniteError, SpecError


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of `results.csv`.

    Attributes:
        epoch: counted from 1.
        train_loss: mean loss, on errors in units of the outputs' standard deviation.
        validation_error: mean absolute error in the same units; the best epoch has the
            smallest.
        validation_mae: of the first target at the furthest step, in the target's unit.
        learning_rate: at the end of the epoch.
    """

    epoch: int
    train_loss: float
    validation_error: float
    validation_mae: float
    learning_rate: float


class Trainer:
    """A training run, resumable after every chunk.

    Args:
        prepared: data and spec.
        config: choices.
        device: where the rows and the network live.
    """

    def __init__(
        self, prepared: Prepared, config: TrainConfig, device: torch.device
    ) -> None:
        self.config = config
        self.device = device
        torch.manual_seed(config.seed)
        self.model = _new_model(prepared, config)
        self.model.load_weights({**self.model.weights(), **prepared.affine_weights})
        self.model.to(device)
        self._parameters = list(self.model.parameters())
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._validator = Validator(prepared, device)
        self._x, self._y, self._scale = _joined(prepared, device)
        burn_in_end, segments = _segments(prepared, config)
        self._burn_in_end = None if burn_in_end is None else burn_in_end.to(device)
        self._segments = segments
        self._num_lanes = config.lanes or _choose_lanes(prepared)
        self._plans: dict[int, LanePlan] = {}
        self._shifts: dict[int, LevelShifts] = {}
        self._shifter = None
        if takes_shifts(prepared.spec):
            self._shifter = LevelShifter(
                prepared.spec, prepared.affine_weights, config.seed
            )
        self._generator = torch.Generator().manual_seed(config.seed)
        self._state: list[Tensor] = []
        self._loss_sum = 0.0
        self._loss_count = 0.0
        self.epoch = 0
        self.chunk = 0
        self.offset = self._draw_offset()
        self.history: list[EpochRecord] = []
        self.best_error = math.inf
        self.best_epoch = -1
        self._best: dict[str, Tensor] = {}

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done or the validation error stopped improving."""
        waited = self.epoch - 1 - self.best_epoch
        out_of_patience = bool(self.history) and waited >= self.config.patience
        return self.epoch >= self.config.epochs or out_of_patience

    @property
    def num_chunks(self) -> int:
        """Chunks of the current epoch."""
        return len(self._plan().first)

    @property
    def rows_per_epoch(self) -> int:
        """Rows read in one epoch."""
        return sum(len(segment) for segment in self._segments)

    def run(
        self,
        *,
        on_chunk: Callable[[Trainer], bool] = lambda trainer: True,
        on_epoch: Callable[[Trainer], None] = lambda trainer: None,
    ) -> bool:
        """Train to the end, or until `on_chunk` returns False.

        Returns:
            Whether training is finished; False: stopped, `state_dict()` goes on.

        Raises:
            NonFiniteError: the loss became NaN or infinite.
        """
        while not self.is_finished:
            self.model.train()
            while self.chunk < self.num_chunks:
                self._train_chunk()
                self.chunk += 1
                if not on_chunk(self):
                    return False
            self._end_epoch()
            on_epoch(self)
        return True

    def best_model(self) -> SequenceModel:
        """The network with the weights of the best validation error, on the CPU.

        Raises:
            NonFiniteError: no epoch had a finite validation error.
        """
        if not self._best:
            raise NonFiniteError(
                f"train: the validation error was not finite in any of {len(self.history)} "
                "epochs: the network explodes when it is streamed. Train with a smaller "
                f"--learning-rate than {self.config.learning_rate}, or another --cell."
            )
        self.model.load_state_dict(self._best)
        return self.model.cpu().eval()

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the run depends on, for `load_state_dict`."""
        state = {
            "model": self.model.state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "torch_rng": torch.get_rng_state(),
            "lane_state": self._state,
            "loss_sum": self._loss_sum,
            "loss_count": self._loss_count,
            "epoch": self.epoch,
            "chunk": self.chunk,
            "offset": self.offset,
            "best_error": self.best_error,
            "best_epoch": self.best_epoch,
            "history": [dataclasses.astuple(record) for record in self.history],
        }
        if self.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.device)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`, as if never stopped."""
        self.model.load_state_dict(state["model"])
        self._best = state["best"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_rng"])
        if "cuda_rng" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)
        self._state = [tensor.to(self.device) for tensor in state["lane_state"]]
        self._loss_sum, self._loss_count = state["loss_sum"], state["loss_count"]
        self.epoch, self.chunk = state["epoch"], state["chunk"]
        self.offset = state["offset"]
        self.best_error, self.best_epoch = state["best_error"], state["best_epoch"]
        self.history = [EpochRecord(*row) for row in state["history"]]

    def _plan(self) -> LanePlan:
        if self.offset not in self._plans:
            self._plans = {
                self.offset: plan_epoch(
                    self._segments,
                    self._num_lanes,
                    self.config.chunk_length,
                    self.offset,
                )
            }
        return self._plans[self.offset]

    def _level_shifts(self, shifter: LevelShifter, plan: LanePlan) -> LevelShifts:
        if self.epoch not in self._shifts:
            self._shifts = {self.epoch: shifter.draw(plan, self.epoch)}
        return self._shifts[self.epoch]

    def _draw_offset(self) -> int:
        draw = torch.randint(self.config.chunk_length, (1,), generator=self._generator)
        return int(draw.item())

    def _learning_rate(self) -> float:
        """Linear warmup, then half a cosine to zero (Loshchilov & Hutter 2017, eq. 5)."""
        progress = (self.epoch + self.chunk / self.num_chunks) / self.config.epochs
        warmup = self.config.warmup
        if progress < warmup:
            return self.config.learning_rate * (0.04 + 0.96 * progress / warmup)
        decay = (progress - warmup) / max(1e-9, 1 - warmup)
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * decay))

    def _train_chunk(self) -> None:
        plan = self._plan()
        count = torch.from_numpy(plan.count[self.chunk])
        steps = torch.arange(max(1, int(count.max())))
        valid = (steps < count[:, None]).to(self.device)
        rows = torch.from_numpy(plan.first[self.chunk])[:, None] + steps
        rows = rows.clamp_(max=len(self._x) - 1).to(self.device)
        is_start = torch.from_numpy(plan.is_start[self.chunk])
        x, y = self._x[rows], self._y[rows].flatten(-2)
        weight = torch.ones((len(rows), 1, 1), device=self.device)
        if self._shifter is not None:
            shifts = self._level_shifts(self._shifter, plan)
            lanes = shifts.lanes
            is_start = torch.cat([is_start, is_start[lanes]])
            moved_x, moved_y = shifts.move(x[lanes], y[lanes], self.chunk)
            x, y = torch.cat([x, moved_x]), torch.cat([y, moved_y])
            rows, valid = (torch.cat([t, t[lanes]]) for t in (rows, valid))
            weight = torch.cat([weight, torch.full_like(weight[lanes], LOSS_WEIGHT)])

        state = self._carried_state(is_start)
        is_bf16 = self.config.precision == "bf16" and self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16):
            y_hat, state = self.model(x, state)
        self._state = [tensor.detach().float() for tensor in state]

        known = torch.isfinite(y) & valid[..., None]
        if self._burn_in_end is not None:
            known &= (rows >= self._burn_in_end[rows])[..., None]
        error = torch.where(known, (y_hat.float() - y) / self._scale, 0.0)
        num_known = float((known * weight).sum().item())
        if num_known == 0:
            return
        loss = (self._loss(error) * weight).sum() / num_known
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, self.config.clip_norm)
        value = loss.item()
        if not math.isfinite(value):
            raise NonFiniteError(
                f"train: the loss is {value} in epoch {self.epoch + 1}, chunk "
                f"{self.chunk + 1}, expected a finite number. Train with a smaller "
                f"--learning-rate than {self.config.learning_rate}."
            )
        self._optimizer.step()
        self._loss_sum += value * num_known
        self._loss_count += num_known

    def _carried_state(self, is_start: Tensor) -> list[Tensor]:
        num_lanes = len(is_start)
        if not self._state:
            self._state = self.model.initial_state(num_lanes)
        if not is_start.any():
            return self._state
        fresh = self.model.initial_state(num_lanes)
        start = is_start.to(self.device)[:, None]
        return [
            torch.where(start, a, b) for a, b in zip(fresh, self._state, strict=True)
        ]

    def _loss(self, error: Tensor) -> Tensor:
        if self.config.loss == "mse":
            return error.square()
        size = error.abs()
        if self.config.loss == "mae":
            return size
        return torch.where(size < 1.0, 0.5 * error.square(), size - 0.5)

    def _end_epoch(self) -> None:
        learning_rate = self._optimizer.param_groups[0]["lr"]
        mae = self._validator.mae(self.model)
        error = self._validator.error(mae)
        if error < self.best_error:
            self.best_error, self.best_epoch = error, self.epoch
            self._best = {
                name: tensor.detach().cpu().clone()
                for name, tensor in self.model.state_dict().items()
            }
        train_loss = self._loss_sum / max(1.0, self._loss_count)
        furthest = float(mae[self.model.spec.horizon - 1])
        self.history.append(
            EpochRecord(self.epoch + 1, train_loss, error, furthest, learning_rate)
        )
        self.epoch += 1
        self.chunk = 0
        self._state = []
        self._loss_sum, self._loss_count = 0.0, 0.0
        self.offset = self._draw_offset()


def _new_model(prepared: Prepared, config: TrainConfig) -> SequenceModel:
    """The untrained network.

    Raises:
        SpecError: it does not fit into memory.
    """
    try:
        return SequenceModel(prepared.spec, config.dropout)
    except (RuntimeError, MemoryError) as error:
        if "memory" not in str(error).lower() and not isinstance(error, MemoryError):
            raise
        raise SpecError(
            f"train: a network of {config.num_layers} layers of {config.hidden_size:,} "
            "units does not fit into the memory. Choose a smaller --hidden-size."
        ) from None


def _joined(prepared: Prepared, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs `[N, I]` and truth `[N, targets, horizon]` of the blocks, and the loss's scale.

    The truth is a view of the targets: 24 steps ahead take no more memory than one.
    """
    horizon, series = prepared.spec.horizon, prepared.series
    blocks = _blocks(prepared)
    num_targets = series[0].targets.shape[1]
    ahead = np.full((sum(blocks) + horizon - 1, num_targets), np.nan, np.float32)
    start = 0
    for one, block in zip(series, blocks, strict=True):
        targets = one.targets[1 : block + 1]
        ahead[start : start + len(targets)] = targets
        start += block
    if len(series) == 1:
        x = series[0].x[: blocks[0]]
    else:
        x = np.concatenate(
            [s.x[:block] for s, block in zip(series, blocks, strict=True)]
        )
    tensors = [
        torch.from_numpy(array).to(device)
        for array in (x, ahead, prepared.output_scale)
    ]
    return tensors[0], tensors[1].unfold(0, horizon, 1), tensors[2]


def _blocks(prepared: Prepared) -> list[int]:
    """Rows of each series in the joined data: those trained on and those they forecast."""
    horizon = prepared.spec.horizon
    return [
        min(len(s.x), s.parts.train.stop + horizon - 1) if len(s.parts.train) else 0
        for s in prepared.series
    ]


def _choose_lanes(prepared: Prepared) -> int:
    """A series that is only tested changes nothing in training."""
    return choose_num_lanes(sum(len(s.parts.train) > 0 for s in prepared.series))


def _segments(
    prepared: Prepared, config: TrainConfig
) -> tuple[Tensor | None, list[range]]:
    """Segments of the joined rows, and per row the first row of its segment in the loss."""
    ranges, start = [], 0
    for series, block in zip(prepared.series, _blocks(prepared), strict=True):
        ranges.append(range(start, start + len(series.parts.train)))
        start += block
    lanes = config.lanes or _choose_lanes(prepared)
    segments = cut_segments(ranges, lanes)
    if not config.burn_in:
        return None, segments
    series_starts = {rows.start for rows in ranges}
    burn_in_end = torch.zeros(start, dtype=torch.int64)
    for segment in segments:
        if segment.start not in series_starts:
            burn_in_end[segment.start : segment.stop] = segment.start + config.burn_in
    return burn_in_end, segments
