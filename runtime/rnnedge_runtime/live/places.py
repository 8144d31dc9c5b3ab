"""Sources and sinks by scheme: one row for each way in which lines come or forecasts leave.

`open_source` and `open_sink` are of tables; `live_source` and `live_sink` of the live loop.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..printable import printable

if TYPE_CHECKING:
    from ..tables.options import TableOptions
    from ..tables.text.encoding import TextLines
    from .loop.nouns import Place, Sink, Source
    from .sinks.file import RowOutput
    from .sources.file import Wait
    from .state_file import Mark

    Opener = Callable[..., AbstractContextManager[TextLines]]

SOURCES = dict.fromkeys(("", "-"), f"{__package__}.sources.file:open_file")
SINKS = dict.fromkeys(("", "-"), f"{__package__}.sinks.file:open_row_output")
"""`module:name` of the openers by `scheme://`; "" for paths, `-` for a standard stream.

They take what `open_source` and `open_sink` take, and yield TextLines, or a RowOutput.
"""

LIVE_SOURCES = {
    "file": f"{__package__}.sources.lines:open_source",
    "http": f"{__package__}.sources.http:open_source",
    **dict.fromkeys(("mqtt", "mqtts"), f"{__package__}.sources.mqtt:open_source"),
    "serial": f"{__package__}.sources.serial:open_source",
    "telegraf": f"{__package__}.telegraf:open_source",
}
LIVE_SINKS = {
    "file": f"{__package__}.sinks.lines:open_sink",
    "http": f"{__package__}.sinks.http:open_sink",
    "prometheus": f"{__package__}.sinks.prometheus:open_sink",
    "homeassistant": f"{__package__}.sinks.home_assistant:open_sink",
    **dict.fromkeys(("mqtt", "mqtts"), f"{__package__}.sinks.mqtt:open_sink"),
    "telegraf": f"{__package__}.telegraf:open_sink",
}
"""`module:function` by scheme; each takes a `Place`. A path or `-` is a `file`."""

SOURCE_GROUP = "rnnedge.sources"
SINK_GROUP = "rnnedge.sinks"
"""Entry points, by scheme, of places that other packages bring."""


def open_source(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> AbstractContextManager[TextLines]:
    """Lines of a text file, gzipped if its name ends in .gz; `-` is standard input.

    The encoding is found in the first bytes. Lines of a regular file may be read ahead.

    Args:
        source: path, `-`, or what a scheme of `SOURCES` opens, as `scheme://...`.
        options: names the encoding, where it is known.
        wait: called before each read of a pipe (`sources.file.Wait`).
        holds_out: bytes that are no text are left for the reader to find, as lone
            surrogates or U+FFFD.

    Raises:
        DataError: there is no such file, or it cannot be read or unpacked.
    """
    opener: Opener = _opener_of(source, SOURCES)
    return opener(source, options, wait=wait, holds_out=holds_out)


def open_sink(
    sink: str, *, in_place: bool, grows: bool, mark: Mark | None
) -> AbstractContextManager[RowOutput]:
    """The output of a stream.

    Args:
        sink: path, `-` for standard output, or what a scheme of `SINKS` opens.
        in_place: write a file as it grows (`open_output`).
        grows: a regular file goes on after the rows that it has, as the state does.
        mark: how far it had got at the state that the stream goes on from.

    Raises:
        DataError: it cannot be written.
    """
    opener: Callable[..., AbstractContextManager[RowOutput]] = _opener_of(sink, SINKS)
    return opener(sink, in_place=in_place, grows=grows, mark=mark)


def live_source(place: Place) -> Source:
    """The source of the live loop that `place.url` names, not started.

    Raises:
        DataError: nobody knows its scheme, or the source refuses its options.
        MissingDependencyError: its package is not installed.
    """
    opener: Callable[[Place], Source] = _live_opener(
        place.url, LIVE_SOURCES, SOURCE_GROUP
    )
    return opener(place)


def live_sink(place: Place) -> Sink:
    """The sink of the live loop that `place.url` names, not started (`live_source`)."""
    opener: Callable[[Place], Sink] = _live_opener(place.url, LIVE_SINKS, SINK_GROUP)
    return opener(place)


def scheme_of(url: str) -> str:
    """The scheme of a live place in lower case; `file` for a path and for `-`."""
    scheme, mark, _ = url.partition("://")
    return scheme.lower() if mark else "file"


def _live_opener(url: str, openers: Mapping[str, str], group: str) -> Any:
    scheme = scheme_of(url)
    if scheme in openers:
        module, _, name = openers[scheme].partition(":")
        return getattr(importlib.import_module(module), name)
    from importlib.metadata import entry_points  # slow, and seldom needed

    others = {found.name.lower(): found for found in entry_points(group=group)}
    if scheme not in others:
        known = sorted({*openers, *others})
        close = difflib.get_close_matches(scheme, known, n=1)
        advice = f"Did you mean '{close[0]}://'?" if close else "Choose one of these."
        kind = group.partition(".")[2].removesuffix("s")
        raise DataError(
            f"{printable(scheme)}://: there is no {kind} of this scheme, expected one of "
            f"{', '.join(known)}, a path, or - for a standard stream. {advice}"
        )
    try:
        return others[scheme].load()
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"{scheme}://: the entry point '{others[scheme].value}' in the group {group} "
            f"cannot be loaded: {error}. Install its package again."
        ) from None


def _opener_of(place: str, openers: Mapping[str, str]) -> Any:
    """What opens a place, imported here; what has no known scheme is a path."""
    scheme, mark, _ = place.partition("://")
    key = scheme.lower() + mark if mark or place == "-" else ""
    module, _, name = openers.get(key, openers[""]).partition(":")
    return getattr(importlib.import_module(module), name)
