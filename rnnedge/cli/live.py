"""The live part of `rnnedge run`: its options, and the run from a source to sinks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rnnedge.cli.reading import READING, take_reading
from rnnedge.cli.show.terminal import tell
from rnnedge_runtime.errors import DataError

if TYPE_CHECKING:
    from rnnedge_runtime.live.loop.settings import LiveSettings

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--source",
        "live_source",
        metavar="URL",
        help="Live: where readings come from, e.g. mqtt://host/sensors/+/reading.",
    ),
    click.option(
        "--sink",
        "live_sinks",
        multiple=True,
        metavar="URL",
        help="Live: where forecasts go; may be repeated. - if not given.",
    ),
    click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Live: all of it in a file, live.toml; flags go before it.",
    ),
    click.option(
        "--wait",
        metavar="PERIOD",
        help="Live: how long a reading waits for those before it, e.g. 2s.",
    ),
    click.option(
        "--on-gap",
        metavar="reset|step",
        help="Live: what a hole longer than --max-gap does.",
    ),
    click.option(
        "--future",
        metavar="PERIOD",
        help="Live: how far ahead of the clock a reading may be; 1 period if not given.",
    ),
    click.option(
        "--prime",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="HISTORY",
        help="Live: a table of the past that brings new streams up to date.",
    ),
    click.option(
        "--serve",
        metavar="HOST:PORT",
        help="Live: a page to look at, e.g. 127.0.0.1:8080.",
    ),
    click.option(
        "--watch",
        is_flag=True,
        default=None,
        help="Live: take a new model over when the artifact changes.",
    ),
)
LIVE = (
    *("live_source", "live_sinks", "config", "wait", "on_gap", "future", "prime"),
    "serve",
)
_SHARED = ("artifact", "state", "backend", "max_gap", "range", "watch", *LIVE)
_SPELLED = {"live_source": "--source", "live_sinks": "--sink", "source": "--input"}
_SPELLED |= {"sink": "--output", "output_format": "--format", "is_strict": "--strict"}


def live_options(command: Command) -> Command:
    """Add the options of live sources."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_live(
    ctx: click.Context, choices: dict[str, Any]
) -> tuple[LiveSettings, dict[str, Any]] | None:
    """What the command line and the configuration say of a live run; None for a table.

    Args:
        ctx: knows which options were given.
        choices: arguments of the command; those of live runs are no longer in them.

    Returns:
        The settings, and `time`, `series` and `options` of the table of `--prime`.

    Raises:
        DataError: an option has no meaning here.
    """
    live = {name: choices.pop(name) for name in (*LIVE, "watch")}
    if live["live_source"] is None and live["config"] is None:
        _refuse(
            [name for name in live if live[name] not in (None, ())],
            "belongs to a live source. Name one with --source URL or --config FILE",
        )
        return None
    given = [name for name in choices if _is_given(ctx, name) and name not in _SHARED]
    is_primed = live["prime"] is not None
    _refuse(
        [name for name in given if not (is_primed and name in _OF_TABLES)],
        "belongs to --input, and this run has a live source. Leave it out; how readings "
        "are written is said in the source's URL or in [source]",
    )
    settings = _settings(live, choices)
    return settings, take_reading(choices | {"max_gap": None})


def run_live(
    settings: LiveSettings, artifact: Path | None, backend: str | None, **table: Any
) -> int:
    """Run until the source ends or a signal comes; the signal's number, 0 for none."""
    from rnnedge_runtime import load
    from rnnedge_runtime.live.continuous import count_lines, open_loop

    from .loading import open_lines

    path = artifact or settings.artifact
    if path is None:
        raise DataError(
            "rnnedge run: no artifact is named. Name one before the options, or as "
            "artifact = in the configuration."
        )
    loop = open_loop(
        load(path, backend=backend),
        settings,
        tell=tell,
        open_lines=open_lines,
        backend=backend,
        **table,
    )
    number = loop.run()
    for line in count_lines(loop.counters):
        tell(line)
    return number


_OF_TABLES = ("time", "series", *(name for name in READING if name != "max_gap"))


def _settings(live: dict[str, Any], choices: dict[str, Any]) -> LiveSettings:
    from rnnedge_runtime.live.loop.settings import (
        LiveSettings,
        PlaceSettings,
        merged,
        parse_on_gap,
        parse_time,
        read_settings,
    )

    config, url, page = live["config"], live["live_source"], live["serve"]
    settings = LiveSettings() if config is None else read_settings(config)
    times = {
        name: None if text is None else parse_time(text, option=option)
        for name, text, option in (
            ("wait_us", live["wait"], "--wait"),
            ("future_us", live["future"], "--future"),
            ("max_gap_us", choices["max_gap"], "--max-gap"),
        )
    }
    gap_us, on_gap = times.pop("max_gap_us"), live["on_gap"]
    return merged(
        settings,
        source=None if url is None else PlaceSettings(url),
        sinks=tuple(PlaceSettings(sink) for sink in live["live_sinks"]),
        state=choices["state"],
        prime=live["prime"],
        page=None if page is None else PlaceSettings(page),
        watch=live["watch"],
        range=choices["range"],
        max_gap_s=None if gap_us is None else gap_us / 1e6,
        on_gap=None if on_gap is None else parse_on_gap(on_gap, where="--on-gap"),
        **times,
    )


def _is_given(ctx: click.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _refuse(names: list[str], why: str) -> None:
    if names:
        spelled = _SPELLED.get(names[0], f"--{names[0].replace('_', '-')}")
        raise DataError(f"{spelled}: the option {why}.")
