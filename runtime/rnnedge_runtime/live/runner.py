"""Rows through a model into an output, with a state on disk: all of a run but its words.

`run` opens what `Settings` name. A program with rows of its own takes the parts: a stream,
`open_state`, `restore_state`, an output, a `Saver`, and `stream_to` or a loop like it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, FormatError, StateError
from ..monitoring.limits import narrowed, read_limits
from ..tables.held_out import Fault, HeldOut
from ..tables.options import TableOptions
from ..tables.rows.jumps import Jumps, longest_jump_us
from ..tables.rows.reading import read_rows
from ..tables.rows.row import KnownRows, Row
from .places import open_sink, open_source
from .report import Outcome
from .row_stream import RowStream
from .saving import SaveEvery, Saver
from .series_streams import SeriesStreams
from .sinks.rows import row_writer
from .sources.file import is_live
from .state_file import StateFile, open_state
from .stopping import Stop

if TYPE_CHECKING:
    from ..streams.model import Model
    from .blocks import Blocks
    from .places import Opener
    from .sinks.file import RowOutput

AnyStream = RowStream | SeriesStreams
Take = Callable[[Row, NDArray[np.float32] | None], None]
"""Called with a row and its forecast, None where it is not known any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where rows come from and go to.

    Attributes:
        source: of the rows (`open_source`).
        sink: of the forecasts (`open_sink`).
        output_format: a name in `sinks.rows.FORMATS`.
        state: file of the state; None: every run starts anew.
        every: how much may be lost; all by default, as the state is saved at the end.
        max_jump: longest step in time that is believed at once (`longest_jump_us`).
        is_strict: a line that cannot be read is an error.
        time: time column; None: found.
        series: column that tells series apart; None: there is one.
        range: limits of the sensors (`monitoring.limits.read_limits`).
        options: how the table is read.
        is_for_spreadsheet: as in `CsvRows`.
        by_blocks: many rows at once, where that gives the same.
    """

    source: str = "-"
    sink: str = "-"
    output_format: str = "csv"
    state: Path | None = None
    every: SaveEvery = field(default_factory=SaveEvery)
    max_jump: str | None = None
    is_strict: bool = False
    time: str | None = None
    series: str | None = None
    range: tuple[str, ...] = ()
    options: TableOptions = field(default_factory=TableOptions)
    is_for_spreadsheet: bool = False
    by_blocks: bool = True


def run(
    model: Model,
    settings: Settings,
    *,
    tell: Callable[[str], None],
    open_lines: Opener = open_source,
    observe: Take | None = None,
) -> Outcome:
    """Stream a table, or a pipe until it ends, its reader leaves, or a signal comes.

    Args:
        model: what forecasts.
        settings: where rows come from and go to.
        tell: called at once with a sentence on what is held out, or cannot be saved.
        open_lines: opens the source.
        observe: called with every row and its forecast before they are written.

    Raises:
        DataError: the source, the sink or the state cannot be used.
        FormatError, StateError: the saved state is damaged, or of another model.
        SpecError: a limit of a sensor is none, or wider than the model's own range.
    """
    source, series = settings.source, settings.series
    where = "standard input" if source == "-" else source
    live = is_live(source)
    kind = RowStream if series is None else SeriesStreams
    limited = narrowed(model.spec, read_limits(settings.range))
    stream: AnyStream = kind(
        model, where=where, limited=limited if settings.range else None
    )
    held = HeldOut(where, tell, settings.is_strict)
    jumps = Jumps(
        longest_jump_us(model.spec.sample_period_s, settings.max_jump),
        where=where,
        now_us=now_us if live else None,
        refuse=lambda fault, row: (
            None if row.is_held_out else held.add(fault, row.line)
        ),
    )
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(open_state(settings.state))
        blob = restore_state(stream, state)
        last_us = stream.last_times_us()
        for name, time_us in last_us.items():
            jumps.start(name, time_us)
        known = KnownRows(last_us, is_at_hand=not live)
        if state is not None and state.note:
            tell(f"{state.path}: {state.note}.")
        stop = stack.enter_context(Stop())
        waiting = Waiting(stop)
        try:
            with stop.interruptible():
                lines = stack.enter_context(
                    open_lines(source, settings.options, wait=waiting, holds_out=True)
                )
                reader = read_rows(
                    lines,
                    model.spec,
                    where=where,
                    time=settings.time,
                    series=series,
                    options=settings.options,
                    held=held,
                )
        except KeyboardInterrupt:
            return Outcome(where, stream.findings, held, stop.signal)
        output = stack.enter_context(
            open_sink(
                settings.sink,
                in_place=live,
                grows=state is not None,
                mark=None if state is None else state.mark_of(blob),
            )
        )
        if state is not None:
            state.begin(blob, output.mark())
        write = row_writer(
            output.file,
            settings.output_format,
            reader,
            [output.name for output in model.spec.outputs],
            first_line=output.first_line,
            sink=settings.sink,
            is_for_spreadsheet=settings.is_for_spreadsheet,
        )
        saver = Saver(
            state,
            output,
            stream.snapshot,
            every=settings.every,
            is_live=live,
            tell=tell,
        )
        waiting.saver = saver
        take = write if observe is None else partial(_both, observe, write)
        blocks = skip = None
        plain = reader.plain if settings.by_blocks and not live else None
        is_csv = settings.output_format == "csv" and observe is None
        if plain is not None:
            from .blocks import Blocks, skip_known, text_functions

            native = text_functions(model)
            if native is not None:
                skip = partial(skip_known, plain, native)
            if native is not None and is_csv:
                assert isinstance(stream, RowStream)
                blocks = Blocks(
                    plain,
                    stream,
                    output,
                    native=native,
                    jumps=jumps,
                    held=held,
                    saver=saver,
                )
        rows = jumps.settled(known.new_rows(reader.rows, skip))
        stream_to(
            take,
            rows,
            stream,
            stop=stop,
            saver=saver,
            output=output,
            held=held,
            blocks=blocks,
        )
    return Outcome(
        where,
        stream.findings,
        held,
        stop.signal,
        reader,
        model.spec.sample_period_s,
        num_written=output.num_rows,
        num_known=known.count,
    )


def now_us() -> int:
    """The time of this machine in microseconds since 1970."""
    return time_ns() // 1000


def _both(
    first: Take, second: Take, row: Row, forecast: NDArray[np.float32] | None
) -> None:
    first(row, forecast)
    second(row, forecast)


def restore_state(stream: AnyStream, state: StateFile | None) -> bytes | None:
    """Go on from a saved state, if there is one; its bytes.

    Raises:
        DataError: it cannot be read.
        FormatError, StateError: it is damaged, or of another model.
    """
    blob = None if state is None else state.read()
    if state is None or blob is None:
        return None
    try:
        stream.restore(blob)
    except (FormatError, StateError) as error:
        raise type(error)(
            f"{state.path}: {error} Or name another --state file, or delete this one."
        ) from None
    return blob


@dataclass(slots=True)
class Waiting:
    """What is done while no row comes: the state is saved when it is due.

    Attributes:
        stop: ends the waiting.
        saver: saves the state; None before there is one.
    """

    stop: Stop
    saver: Saver | None = None

    def __call__(self, is_ready: Callable[[float | None], bool]) -> None:
        """Return once there is something to read."""
        while not is_ready(0):
            timeout = None if self.saver is None else self.saver.idle_timeout()
            if timeout is None or timeout > 0:
                if is_ready(timeout):
                    return
            elif self.saver is not None:
                with self.stop.shielded():
                    self.saver.save()


def stream_to(
    write: Take,
    rows: Iterator[Row],
    stream: AnyStream,
    *,
    stop: Stop,
    saver: Saver,
    output: RowOutput,
    held: HeldOut,
    blocks: Blocks | None = None,
) -> None:
    """Row by row, until the rows end, the reader of the output leaves, or a signal.

    Many rows at once where `blocks` can. The state is saved in the end, whatever the end is.

    Raises:
        DataError: a row that cannot be streamed, if `held` is strict; the state cannot be
            saved.
        OSError: the output cannot be written.
    """
    is_output_broken, line = False, -1
    try:
        while True:
            if output.is_left():
                is_output_broken = True
                break
            with stop.interruptible():
                block = None if blocks is None else blocks.read(line)
                row = next(rows, None) if block is None else None
            if blocks is not None and block is not None:
                line = blocks.take(block)
                continue
            if row is None:
                break
            line = row.line
            try:
                forecast = stream.advance(row)
            except DataError as error:
                if not error.reason:
                    raise
                if not row.is_held_out:  # and counted for its cells
                    held.add(Fault(error.reason, str(error)), row.line)
                continue
            has_output = forecast is not None or not stream.is_sparse
            if has_output and not row.is_held_out:
                write(row, forecast)
                output.num_rows += 1
            saver.took_row()
    except BrokenPipeError:
        is_output_broken = True
    except KeyboardInterrupt:
        pass
    except OSError:
        is_output_broken = True
        raise
    finally:
        saver.end(is_output_broken=is_output_broken)
