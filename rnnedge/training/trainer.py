"""The training loop: truncated backpropagation through time with carried state.

What is learned and how errors count is the task's. A run may stop after any chunk and go on
from its checkpoint to the same weights, bit for bit on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.task import Prepared
from rnnedge.training.chunks import Chunks
from rnnedge.training.own_network import Network, OwnNetwork
from rnnedge.training.validation import Validator
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.errors import NonFiniteError, SpecError

START = 0.04
"""Part of the peak of the learning rate at which the warmup starts."""


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Linear warmup, then half a cosine to zero (Loshchilov & Hutter 2017, eq. 5)."""
    progress = epochs_done / config.epochs
    warmup = config.warmup
    if progress < warmup:
        return config.learning_rate * (START + (1 - START) * progress / warmup)
    decay = (progress - warmup) / max(1e-9, 1 - warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * decay))


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of `results.csv`.

    Attributes:
        epoch: counted from 1.
        train_loss: mean loss, in the units of the errors.
        validation_error: mean error in the same units; the best epoch has the smallest.
        validation_shown: the mean error that the task shows, in its own unit.
        learning_rate: at the end of the epoch.
    """

    epoch: int
    train_loss: float
    validation_error: float
    validation_shown: float
    learning_rate: float


class Trainer:
    """A training run, resumable after every chunk."""

    def __init__(
        self, prepared: Prepared, config: TrainConfig, device: torch.device
    ) -> None:
        self.config = config
        self.device = device
        torch.manual_seed(config.seed)
        self._prepared = prepared
        self.model = _new_model(prepared, config).to(device)
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._validator = Validator(prepared, device)
        self._objective = prepared.task.objective(prepared, config, device)
        self._chunks = Chunks(self._objective, config, device)
        self.metric = prepared.task.metric
        self.shown = prepared.task.shown(prepared.spec)
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
        return self._chunks.number(self.offset)

    @property
    def rows_per_epoch(self) -> int:
        """Rows read in one epoch."""
        return self._chunks.rows_per_epoch

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
            ParityError: a module of the user's own computes something else as layers.
        """
        if not self._best:
            raise NonFiniteError(
                f"train: the validation error was not finite in any of {len(self.history)} "
                "epochs: the network explodes when it is streamed. Train with a smaller "
                f"--learning-rate than {self.config.learning_rate}, or another --cell."
            )
        self.model.load_state_dict(self._best)
        model = self.model.cpu().eval()
        if isinstance(model, OwnNetwork):
            from rnnedge.training.own_module import as_layers

            return as_layers(model, self._prepared)
        return model

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
            "history": [astuple(record) for record in self.history],
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

    def _draw_offset(self) -> int:
        draw = torch.randint(self.config.chunk_length, (1,), generator=self._generator)
        return int(draw.item())

    def _train_chunk(self) -> None:
        chunk = self._chunks.take(self.chunk, epoch=self.epoch, offset=self.offset)
        state = self._carried_state(chunk.is_start)
        is_bf16 = self.config.precision == "bf16" and self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16):
            y_hat, state = self.model(chunk.x, state)
        self._state = [tensor.detach().float() for tensor in state]

        num_known = float((chunk.known * chunk.weight).sum().item())
        if num_known == 0:
            return
        loss = self._objective.loss(y_hat.float(), chunk.y, chunk.known)
        loss = (loss * chunk.weight).sum() / num_known
        rate = learning_rate(self.config, self.epoch + self.chunk / self.num_chunks)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
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

    def _end_epoch(self) -> None:
        rate = self._optimizer.param_groups[0]["lr"]
        errors = self._validator.mean_errors(self.model)
        error = self._validator.error(errors)
        if error < self.best_error:
            self.best_error, self.best_epoch = error, self.epoch
            self._best = {
                name: tensor.detach().cpu().clone()
                for name, tensor in self.model.state_dict().items()
            }
        train_loss = self._loss_sum / max(1.0, self._loss_count)
        shown = float(errors[self.shown])
        self.history.append(EpochRecord(self.epoch + 1, train_loss, error, shown, rate))
        self.epoch += 1
        self.chunk = 0
        self._state = []
        self._loss_sum, self._loss_count = 0.0, 0.0
        self.offset = self._draw_offset()


def _new_model(prepared: Prepared, config: TrainConfig) -> Network:
    """The untrained network.

    Raises:
        SpecError: it does not fit into memory.
    """
    if prepared.module is not None:
        return OwnNetwork(prepared)
    try:
        model = SequenceModel(prepared.spec, config.dropout)
        fixed = {**prepared.starts, **prepared.affine_weights}
        model.load_weights({**model.weights(), **fixed})
        return model
    except (RuntimeError, MemoryError) as error:
        if "memory" not in str(error).lower() and not isinstance(error, MemoryError):
            raise
        raise SpecError(
            f"train: a network of {len(config.blocks)} blocks, {config.hidden_size:,} units "
            "each, does not fit into the memory. Choose a smaller --hidden-size."
        ) from None
