"""When the state of a stream goes to disk, and that its forecasts are there before it.

A saved state holds the rows up to some row; the forecasts of all these rows have left the
process before the state is written. So after a kill the stream goes on from that row, and
what had been written of later rows is written again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

from ..errors import DataError, RnnEdgeError
from ..tables.durations import parse_duration
from .sinks.file import RowOutput
from .state_file import StateFile

IDLE_S = 1.0
"""By default, the least time between two states saved because no row is waiting."""

_RETRY_S = 1.0
_COMMIT_ROWS = 1000


@dataclass(frozen=True, slots=True)
class SaveEvery:
    """How much may be lost.

    Attributes:
        rows: at most so many, None for any number.
        seconds: at most the rows of so long, None for any time.
        idle_s: least time between two states saved since no row is waiting; None: never.
    """

    rows: int | None = None
    seconds: float | None = None
    idle_s: float | None = None


def parse_save_every(text: str | None, *, is_live: bool) -> SaveEvery:
    """The meaning of `--save-every`: a number of rows, or a length of time.

    Without one, every 30 seconds; of a pipe also every 100 rows, and once no row is waiting.

    Raises:
        DataError: it is neither.
    """
    if text is None:
        return SaveEvery(100, 30.0, IDLE_S) if is_live else SaveEvery(None, 30.0)
    if re.fullmatch(r"\s*[0-9]{1,18}\s*", text):
        if int(text) < 1:
            raise DataError(
                f"--save-every {text}: expected one row or more. Write it as 100 or 30s."
            )
        return SaveEvery(int(text))
    if re.fullmatch(r"\s*[-+.0-9]*\s*", text):
        raise DataError(
            f"--save-every '{text}': this is no number of rows and no length of time. "
            "Write it as 100 or 30s."
        )
    return SaveEvery(None, parse_duration(text, option="--save-every") / 1e6)


@dataclass(slots=True)
class Saver:
    """Saves the state of a stream, each time after its output.

    Attributes:
        state: where to; None saves nothing.
        output: of the stream.
        snapshot: gives the state after the last row.
        every: how much may be lost.
        is_live: each row leaves at once.
        tell: called with one sentence where the state cannot be saved.
    """

    state: StateFile | None
    output: RowOutput
    snapshot: Callable[[], bytes]
    _: KW_ONLY
    every: SaveEvery
    is_live: bool
    tell: Callable[[str], None] = lambda message: None
    _num_rows: int = field(default=0, init=False)
    _num_uncommitted: int = field(default=0, init=False)
    _committed: bytes | None = field(default=None, init=False)
    _last_s: float = field(default_factory=time.monotonic, init=False)
    _first_s: float = field(default_factory=time.monotonic, init=False)
    _failure: RnnEdgeError | None = field(default=None, init=False)

    def num_rows_ahead(self) -> int:
        """Rows that may be taken at once: none but the last of them is one to save after."""
        number = _COMMIT_ROWS - self._num_uncommitted
        if self.state is not None and self.every.rows is not None:
            number = min(number, self.every.rows - self._num_rows)
        return max(1, number)

    def took_row(self) -> None:
        """Say that the stream has taken one more row and its forecast is written."""
        self.took_rows(1)

    def took_rows(self, number: int) -> None:
        """The same of some rows, 1 to `num_rows_ahead`."""
        if not self._num_rows:
            self._first_s = time.monotonic()
        self._num_rows += number
        if self.is_live:
            self.output.flush()
        else:
            self._num_uncommitted += number
            if self._num_uncommitted >= _COMMIT_ROWS:
                self._commit()
        if self.state is not None and self._is_due():
            self.save()

    def _is_due(self) -> bool:
        every = self.every
        if self._failure is not None and time.monotonic() - self._last_s < _RETRY_S:
            return False
        if every.rows is not None and self._num_rows >= every.rows:
            return True
        if every.seconds is None:
            return False
        return time.monotonic() - self._first_s >= every.seconds

    def idle_timeout(self) -> float | None:
        """Seconds until the state is to be saved although no row comes; None for ever."""
        if self.state is None or not self._num_rows:
            return None
        every, dues = self.every, []
        if self._failure is not None:
            dues.append(self._last_s + _RETRY_S)
        elif every.idle_s is not None:
            dues.append(self._last_s + every.idle_s)
        if every.seconds is not None:
            dues.append(self._first_s + every.seconds)
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def save(self) -> None:
        """Write out the output, then the state; a state that cannot be saved is said once.

        Raises:
            OSError, BrokenPipeError: the output cannot be written.
        """
        if self.state is None:
            return
        self.output.commit()
        self._committed = None
        self._num_uncommitted = 0
        self._put(self.snapshot())

    def end(self, *, is_output_broken: bool = False) -> None:
        """Save what is not saved yet.

        Args:
            is_output_broken: later rows of the output are lost, so of a file no state is
                saved that is ahead of it.

        Raises:
            DataError: the state cannot be saved.
        """
        if self.state is None:
            return
        if not is_output_broken:
            try:
                self._end_whole(self.state)
            except BrokenPipeError:
                is_output_broken = True
        if is_output_broken:
            blob = self.snapshot() if self.is_live else self._committed
            if blob is not None:
                self._put(blob)
        if self._failure is not None:
            raise self._failure

    def _end_whole(self, state: StateFile) -> None:
        if self._num_rows or not state.target.exists():
            self.save()
        else:
            self.output.commit()
        state.is_complete = self._failure is None

    def _commit(self) -> None:
        self.output.flush()
        self._num_uncommitted = 0
        if self.state is not None:
            self._committed = self.snapshot()

    def _put(self, blob: bytes) -> None:
        assert self.state is not None
        try:
            self.state.save(blob, self.output.mark())
        except DataError as error:
            if self._failure is None:
                self.tell(
                    f"{type(error).__name__}: {error} The forecasts go on; the state is "
                    "tried again."
                )
            self._failure = error
        else:
            self._failure = None
            self._num_rows = 0
        self._last_s = time.monotonic()
