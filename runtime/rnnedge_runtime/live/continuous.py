"""A live run from its settings: places opened, history read, the loop turned to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..loading import load
from ..monitoring.limits import narrowed, read_limits
from .loop.disk.store import Store
from .loop.loop import Loop
from .loop.nouns import Counters, Outcome, Place, Sink, Source
from .loop.settings import LiveSettings, LoopSettings, PlaceSettings
from .loop.streams import LiveStreams
from .loop.swap import Swapper
from .places import live_sink, live_source
from .priming import prime_from_state, prime_from_table

if TYPE_CHECKING:
    from ..streams.model import Model
    from ..tables.options import TableOptions
    from .places import Opener

_LEAST_FUTURE_US = 60_000_000


def live_streams(model: Model, settings: LoopSettings, counters: Counters) -> Any:
    """Streams of a model as new, by the settings of a loop.

    Raises:
        DataError: the longest hole is too short for the model.
        SpecError: a limit of a sensor is none, or wider than the model's own range.
    """
    future_us = settings.future_us
    if future_us is None:
        period_us = round((model.spec.sample_period_s or 0) * 1e6)
        future_us = max(_LEAST_FUTURE_US, period_us)
    return LiveStreams(
        model,
        wait_us=settings.wait_us,
        future_us=future_us,
        on_gap=settings.on_gap,
        max_gap_s=settings.max_gap_s,
        limited=narrowed(model.spec, read_limits(settings.range))
        if settings.range
        else None,
        counters=counters,
    )


def open_loop(
    model: Model,
    settings: LiveSettings,
    *,
    tell: Callable[[str], None],
    observers: Sequence[Callable[[Outcome], None]] = (),
    open_lines: Opener | None = None,
    time: str | None = None,
    series: str | None = None,
    options: TableOptions | None = None,
    backend: str | None = None,
) -> Loop:
    """A loop by its settings, not started; the state folder is held from here on.

    Args:
        model: what forecasts.
        settings: of the run.
        tell: called with one sentence that the user should see at once.
        observers: called with every outcome before it is sent.
        open_lines: opens the table of `prime`.
        time: name of its time column; None: found.
        series: name of the column that tells its series apart.
        options: how it is read.
        backend: of the models that take the place of this one.

    Raises:
        DataError: a place, an option or the state folder cannot be used.
        MissingDependencyError: the package of a place is not installed.
    """
    counters, names = Counters(), list[str]()
    streams = live_streams(model, settings.loop, counters)

    def place(asked: PlaceSettings) -> Place:
        return Place(
            asked.url,
            spec=model.spec,
            names=names,
            counters=counters,
            tell=tell,
            options=asked.options,
            artifact=model.name,
        )

    if settings.source is None:
        raise DataError(
            "rnnedge run: there is no source of live readings. Name one with --source, or "
            "as [source] in the configuration."
        )
    source: Source = live_source(place(settings.source))
    if settings.loop.wait_us and getattr(source, "answers_at_once", False):
        raise DataError(
            f"{source.name}://: readings are answered line by line, but the wait is "
            f"{settings.loop.wait_us / 1e6:g} s. Leave --wait out."
        )
    asked_sinks = settings.sinks or (PlaceSettings("-"),)
    sinks: list[Sink] = [live_sink(place(asked)) for asked in asked_sinks]
    page = None
    if settings.page is not None:
        from .page.page import Page

        page = Page(place(settings.page))
        page.start()
        observers = [*observers, page.observe]
    old, folder = _old_file(settings.state)
    store = None
    if folder is not None:
        store = Store(folder, model=model.digest, tell=tell)
    swapper = None
    if model.path is not None:
        swapper = Swapper(
            model.path,
            load=lambda path: load(path, backend=backend),
            make_streams=lambda new: live_streams(new, settings.loop, Counters()),
            is_watching=settings.watch,
            counters=counters,
            tell=tell,
        )

    def prime() -> None:
        if old is not None:
            tell(prime_from_state(streams, old, folder))
        if settings.prime is not None:
            for line in prime_from_table(
                streams,
                model.spec,
                settings.prime,
                open_lines=open_lines,
                time=time,
                series=series,
                options=options,
            ):
                tell(line)

    loop = Loop(
        model,
        source,
        sinks,
        store,
        settings.loop,
        streams=streams,
        observers=observers,
        counters=counters,
        prime=prime,
        tell=tell,
        swapper=swapper,
        names=names,
    )
    if page is not None:
        loop.on_close.append(page.close)
    return loop


def count_lines(counters: Counters) -> Iterator[str]:
    """What happened how often, one line for each source, sink or stage."""
    for name in dict.fromkeys(name for name, _ in counters.counts):
        words = [
            f"{what} {count:,}"
            for (owner, what), count in counters.counts.items()
            if owner == name
        ]
        yield f"{name}: {', '.join(words)}."


def _old_file(state: Path | None) -> tuple[Path | None, Path | None]:
    """The state file of an earlier run on a table, if there is one, and the folder."""
    if state is None or not state.is_file():
        return None, state
    return state, state.with_name(f"{state.name}.d")
