"""What a run on a board is asked, and what it answers: orders of `support/runner.c`."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import BoardError

from ..formats.c.source import CSource

RUN_ROWS = 8
"""Rows of one call of NAME_run on a board; RUN_ROWS of `support/runner.h`."""

_END, _SELECT, _RESET, _STEP, _RUN, _SAVE, _RESTORE, _SELFTEST, _TIME, _STEP_Q = range(
    10
)
_ORDER = struct.Struct("<II")


@dataclass
class Job:
    """Orders for the models of one image, in turn; those that ask have an answer each.

    Answers are bytes: of float32 rows, of a snapshot, or of the int32 status of the call.
    `select` names the model that the orders after it are for; each model keeps one stream.
    """

    models: tuple[CSource, ...]
    _parts: list[bytes] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _current: int = 0

    def select(self, index: int) -> None:
        """The orders that follow are for `models[index]`."""
        self._current = index
        self._order(_SELECT, index)

    def reset(self) -> None:
        """Back to the initial state; no answer."""
        self._order(_RESET)

    def step(self, x: NDArray[np.float32]) -> None:
        """Rows `[T, I]` one by one; the answer is `[T, O]`."""
        self._rows(_STEP, x)

    def step_integers(self, x: NDArray[np.float32]) -> None:
        """As `step`, each row turned into integers and back, NAME_step_q between."""
        self._rows(_STEP_Q, x)

    def run(self, x: NDArray[np.float32]) -> None:
        """Rows `[T, I]` in calls of at most RUN_ROWS; as many answers as calls."""
        for start in range(0, len(x), RUN_ROWS):
            self._rows(_RUN, x[start : start + RUN_ROWS])

    def save(self) -> None:
        """The answer is a snapshot."""
        self._order(_SAVE, answer=self._model.snapshot_nbytes)

    def restore(self, snapshot: bytes) -> None:
        """The answer is the status of NAME_restore, 0 when the snapshot was taken."""
        self._order(_RESTORE, len(snapshot), snapshot, answer=4)

    def selftest(self) -> None:
        """The answer is the status of NAME_selftest, 0 when every value was right."""
        self._order(_SELFTEST, answer=4)

    def time(self, unix_time_s: int) -> None:
        """The answer is `[1, I]`: the derived inputs of the time, and zeros."""
        answer = 4 * self._model.input_size
        self._order(_TIME, 0, struct.pack("<q", unix_time_s), answer=answer)

    def content(self) -> bytes:
        """The content of `job.bin`."""
        return b"".join([*self._parts, _ORDER.pack(_END, 0)])

    def answers(self, content: bytes, where: str) -> Iterator[bytes]:
        """The answers out of `answer.bin`, in the order of the questions.

        Raises:
            BoardError: the file does not have the size the answers take.
        """
        if len(content) != sum(self._sizes):
            raise BoardError(
                f"{where}: {len(content):,} bytes of answers came back, expected "
                f"{sum(self._sizes):,}. The program on the board ended early or wrote too "
                "much."
            )
        stream = io.BytesIO(content)
        return map(stream.read, self._sizes)

    @property
    def _model(self) -> CSource:
        return self.models[self._current]

    def _order(
        self,
        code: int,
        argument: int = 0,
        data: bytes = b"",
        *,
        answer: int | None = None,
    ) -> None:
        self._parts += [_ORDER.pack(code, argument), data]
        if answer is not None:
            self._sizes.append(answer)

    def _rows(self, code: int, x: NDArray[np.float32]) -> None:
        x = np.ascontiguousarray(x, dtype="<f4")
        if x.ndim != 2 or x.shape[1] != self._model.input_size:
            raise BoardError(
                f"job: rows of shape {list(x.shape)} for a model that takes "
                f"[T, {self._model.input_size}]. Pass every input column."
            )
        answer = 4 * len(x) * self._model.output_size
        self._order(code, len(x), x.tobytes(), answer=answer)
