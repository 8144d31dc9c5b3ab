"""Rows of a run taken by blocks, from bytes to bytes, wherever they are plain.

What comes out is what came out row by row: forecasts, findings, state and messages. A row
that is not plain in its text is left to the reader of rows; one that is not plain in time,
or in which a reading is refused, to `RowStream.advance`.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..tables.held_out import Fault, HeldOut
from ..tables.rows.jumps import Jumps
from ..tables.rows.plain_rows import PlainRows, RowBlock
from .row_stream import RowStream
from .sinks.row_blocks import write_block

if TYPE_CHECKING:
    from ..streams.model import Model
    from .saving import Saver
    from .sinks.file import RowOutput

_ROWS_AT_ONCE = 1000


def text_functions(model: Model) -> Any:
    """The extension module, where a model runs in it: there many steps give the same bits.

    None for every other engine.
    """
    if model.backend != "native":
        return None
    from ..backends.native_state import extension

    return extension()


def skip_known(plain: PlainRows, native: Any, line: int, last_us: int) -> int:
    """Pass over the plain rows behind a line that are not newer than a time; how many."""
    count = 0
    while True:
        block = plain.block(line, _ROWS_AT_ONCE, native.read_lines)
        if block is None or block.times_us is None:
            return count
        is_newer = block.times_us > last_us
        number = int(np.argmax(is_newer)) if is_newer.any() else len(block)
        if number:
            plain.take(block.first(number))
        count += number
        line += number
        if number < len(block):
            return count


@dataclass(slots=True)
class Blocks:
    """Takes blocks of rows from a table to an output.

    Attributes:
        plain: reads them.
        stream: makes their forecasts.
        output: takes their lines.
        native: the extension module (`text_functions`).
        jumps: looks at their times.
        held: is told of rows that cannot be streamed.
        saver: says how many rows may come at once.
    """

    plain: PlainRows
    stream: RowStream
    output: RowOutput
    _: KW_ONLY
    native: Any
    jumps: Jumps
    held: HeldOut
    saver: Saver

    def read(self, line: int) -> RowBlock | None:
        """The block of rows after the one on a line; nothing has changed where None.

        The rows are believed, and the next row read is the one behind them.
        """
        most = self.saver.num_rows_ahead()
        block = self.plain.block(line, most, self.native.read_lines)
        if block is None:
            return None
        if block.times_us is not None:
            number = self.jumps.pass_on(block.times_us)
            if not number:
                return None
            block = block.first(number)
        self.plain.take(block)
        return block

    def take(self, block: RowBlock) -> int:
        """Stream a block and write its forecasts; the number of its last line.

        Raises:
            DataError: a row that cannot be streamed, if `held` is strict, or a reading that
                is refused. The rows before it are written.
            OSError: the output cannot be written.
        """
        runs: list[NDArray[np.float32]] = []
        left_out: list[int] = []
        try:
            self._advance(block, runs, left_out)
        finally:
            number = sum(map(len, runs))
            if number:
                kept: Any = slice(number)
                if left_out:
                    kept = np.delete(np.arange(number + len(left_out)), left_out)
                forecasts = runs[0] if len(runs) == 1 else np.concatenate(runs)
                write_block(
                    self.output.file, block, kept, forecasts, self.native.write_rows
                )
                self.output.num_rows += number
                self.saver.took_rows(number)
        return block.line + len(block) - 1

    def _advance(
        self, block: RowBlock, runs: list[NDArray[np.float32]], left_out: list[int]
    ) -> None:
        odd = self.stream.odd_rows(block.readings)
        start = 0
        while start < len(block):
            run = self.stream.advance_run(block, start, odd, self.native.advance_slots)
            if len(run):
                runs.append(run)
                start += len(run)
                continue
            row = block.row(start)
            start += 1
            try:
                forecast = self.stream.advance(row)
            except DataError as error:
                if not error.reason:
                    raise
                left_out.append(start - 1)
                self.held.add(Fault(error.reason, str(error)), row.line)
                continue
            runs.append(
                np.full((1, self.stream.output_size), np.nan, np.float32)
                if forecast is None
                else forecast[None].copy()
            )
