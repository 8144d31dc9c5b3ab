"""The chunks of an epoch: rows of many lanes, gathered on the training device.

All rows live there; a chunk is a gather of rows, so an epoch reads every row once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.task import ExtraLanes, Objective
from rnnedge.training.lanes import LanePlan, choose_num_lanes, cut_segments, plan_epoch


@dataclass(frozen=True, eq=False, slots=True)
class Chunk:
    """Some steps of L lanes side by side.

    Attributes:
        x: `[L, T, I]` inputs.
        y: `[L, T, K]` truth.
        known: `[L, T, K]` what counts in the loss.
        weight: `[L, 1, 1]` of the lanes in the loss.
        is_start: `[L]` lanes that start from the initial state; on the CPU.
    """

    x: Tensor
    y: Tensor
    known: Tensor
    weight: Tensor
    is_start: Tensor


class Chunks:
    """Lays the training rows out over lanes, epoch by epoch."""

    def __init__(
        self, objective: Objective, config: TrainConfig, device: torch.device
    ) -> None:
        self._objective = objective
        self._chunk_length = config.chunk_length
        self._device = device
        # A series that is only tested changes nothing in training.
        num_series = sum(len(rows) > 0 for rows in self._objective.ranges)
        self._num_lanes = config.lanes or choose_num_lanes(num_series)
        self._segments = cut_segments(self._objective.ranges, self._num_lanes)
        self._burn_in_end = None
        if config.burn_in:
            self._burn_in_end = self._end_of(config.burn_in).to(device)
        self._plans: dict[int, LanePlan] = {}
        self._extra: dict[int, ExtraLanes | None] = {}

    @property
    def rows_per_epoch(self) -> int:
        """Rows read in one epoch."""
        return sum(map(len, self._segments))

    def number(self, offset: int) -> int:
        """Chunks of an epoch whose first ones are shorter by `offset` rows."""
        return len(self._plan(offset).first)

    def take(self, number: int, *, epoch: int, offset: int) -> Chunk:
        """A chunk of an epoch."""
        plan = self._plan(offset)
        count = torch.from_numpy(plan.count[number])
        steps = torch.arange(max(1, int(count.max())))
        valid = (steps < count[:, None]).to(self._device)
        rows = torch.from_numpy(plan.first[number])[:, None] + steps
        rows = rows.clamp_(max=len(self._objective.x) - 1).to(self._device)
        is_start = torch.from_numpy(plan.is_start[number])
        x, y = self._objective.x[rows], self._objective.y[rows].flatten(2)
        weight = torch.ones((len(rows), 1, 1), device=self._device)
        extra = self._extra_lanes(plan, epoch)
        if extra is not None:
            lanes = extra.lanes
            is_start = torch.cat([is_start, is_start[lanes]])
            moved_x, moved_y = extra.move(x[lanes], y[lanes], number)
            x, y = torch.cat([x, moved_x]), torch.cat([y, moved_y])
            rows, valid = (torch.cat([t, t[lanes]]) for t in (rows, valid))
            weight = torch.cat([weight, torch.full_like(weight[lanes], extra.weight)])
        known = torch.isfinite(y) & valid[..., None]
        if self._burn_in_end is not None:
            known &= (rows >= self._burn_in_end[rows])[..., None]
        return Chunk(x, y, known, weight, is_start)

    def _plan(self, offset: int) -> LanePlan:
        if offset not in self._plans:
            plan = plan_epoch(
                self._segments, self._num_lanes, self._chunk_length, offset
            )
            self._plans = {offset: plan}
        return self._plans[offset]

    def _extra_lanes(self, plan: LanePlan, epoch: int) -> ExtraLanes | None:
        if epoch not in self._extra:
            self._extra = {epoch: self._objective.extra_lanes(plan.count, epoch)}
        return self._extra[epoch]

    def _end_of(self, burn_in: int) -> Tensor:
        """Per row the first row of its segment in the loss."""
        starts = {rows.start for rows in self._objective.ranges}
        ends = torch.zeros(len(self._objective.x), dtype=torch.int64)
        for segment in self._segments:
            if segment.start not in starts:
                ends[segment.start : segment.stop] = segment.start + burn_in
        return ends
