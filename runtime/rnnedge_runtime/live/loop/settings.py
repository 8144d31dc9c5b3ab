"""How a live run is asked for: `live.toml`, and the flags that go before it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ...errors import DataError
from ...tables.durations import parse_duration

MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """What a loop keeps to; lengths of time in the unit of their names.

    Attributes:
        wait_us: longest time from the receipt of a reading until it is stepped, for others
            that come out of order.
        future_us: how far ahead of this machine's clock a reading may be; None: a sampling
            period, a minute at least.
        on_gap: what a hole longer than the longest does: `reset` starts a new stretch,
            `step` steps it all the same.
        max_gap_s: the longest hole that is stepped; None: the artifact's.
        spool_nbytes: most bytes of forecasts kept for sinks that are down.
        expires: a forecast that is sent late is dropped once its own last time has passed.
        drain_s: longest time for the sinks to take the last forecasts at the end.
        history_nbytes: most bytes of recent readings kept to prime another model with.
        max_series: most streams; readings of further ones are dropped.
        range: limits of the sensors, `NAME=LO:HI` each; the artifact's if empty.
    """

    wait_us: int = 0
    future_us: int | None = None
    on_gap: Literal["reset", "step"] = "reset"
    max_gap_s: float | None = None
    spool_nbytes: int = 16 * MB
    expires: bool = True
    drain_s: float = 5.0
    history_nbytes: int = 4 * MB
    max_series: int = 1_000_000
    range: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """A source or a sink as it was asked for.

    Attributes:
        url: as given.
        options: the rest of its table.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """All of a live run.

    Attributes:
        source: where readings come from.
        sinks: where forecasts go.
        state: folder of the state; None: every run starts anew.
        loop: what the loop keeps to.
        prime: a table of past readings, for a folder that holds no state yet.
        watch: whether the artifact is looked at for a new model.
        artifact: of the configuration; None where it names none.
        page: where the page to look at is served; None: nowhere.
    """

    source: PlaceSettings | None = None
    sinks: tuple[PlaceSettings, ...] = ()
    state: Path | None = None
    loop: LoopSettings = field(default_factory=LoopSettings)
    prime: Path | None = None
    watch: bool = False
    artifact: Path | None = None
    page: PlaceSettings | None = None


KEYS = (
    *("artifact", "state", "prime", "watch", "wait", "future", "on-gap", "max-gap"),
    *("spool-mb", "spool-expiry", "history-mb", "drain", "max-series", "range"),
    *("source", "sink", "page"),
)
"""What a configuration may have at its top."""


def read_settings(path: Path) -> LiveSettings:
    """What a configuration file asks for; its paths are relative to its folder.

    Raises:
        DataError: it cannot be read, is no TOML, or has a key that is not known.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise DataError(
            f"{path}: the configuration cannot be read: {error.strerror}. Name the file "
            "with --config FILE."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: this is no TOML: {error}. Mend this line; docs/live.md has an example."
        ) from None
    check_keys(content, KEYS, where=str(path))
    reader = _Reader(path, content)
    return LiveSettings(
        source=reader.place("source", one=True),
        sinks=reader.places("sink"),
        page=reader.place("page", one=True),
        state=reader.path("state"),
        prime=reader.path("prime"),
        artifact=reader.path("artifact"),
        watch=reader.value("watch", bool, default=False),
        loop=_loop_settings(reader),
    )


def merged(settings: LiveSettings, **flags: Any) -> LiveSettings:
    """Settings with what the command line says in place of what the file says.

    Args:
        settings: of the file.
        flags: fields of LiveSettings and LoopSettings; None and () say nothing.
    """
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    loop = {name: given.pop(name) for name in list(given) if name in _LOOP_FIELDS}
    return replace(settings, loop=replace(settings.loop, **loop), **given)


def check_keys(found: Iterable[str], known: Iterable[str], *, where: str) -> None:
    """Raise DataError for a key that is not known, with the nearest one that is.

    Args:
        found: keys of a table of the configuration.
        known: all that it may have.
        where: the file and the table, for the message.
    """
    known = tuple(known)
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            advice = f"Did you mean '{near[0]}'? " if near else ""
            raise DataError(
                f"{where}: the key '{key}' is not known. {advice}Known are "
                f"{', '.join(known)}."
            )


def parse_on_gap(text: str, *, where: str) -> Literal["reset", "step"]:
    """The meaning of `on-gap`; raises DataError where it has none."""
    if text == "reset":
        return "reset"
    if text == "step":
        return "step"
    raise DataError(
        f"{where}: on-gap is '{text}', expected 'reset' or 'step'. Write reset to start a "
        "new stretch after a long hole, step to step it."
    )


_LOOP_FIELDS = tuple(LoopSettings.__dataclass_fields__)
_WORDS = {bool: "true or false", str: "text", float: "a number", dict: "a table"}


@dataclass(frozen=True, slots=True)
class _Reader:
    file: Path
    content: Mapping[str, Any]

    def value(self, key: str, kind: type, *, default: Any = None) -> Any:
        value = self.content.get(key, default)
        accepted = (int, float) if kind is float else kind
        is_flag = isinstance(value, bool) and kind is not bool
        if value is not default and (is_flag or not isinstance(value, accepted)):
            raise DataError(
                f"{self.file}: '{key}' is {value!r}, expected {_WORDS[kind]}. Mend it there."
            )
        return value

    def number(self, key: str, default: float, *, least: float) -> float:
        value = float(self.value(key, float, default=default))
        if not least <= value <= 1e12:
            raise DataError(
                f"{self.file}: '{key}' is {value:g}, expected {least:g} or more. Mend it "
                "there."
            )
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        found = self.content.get(key, [])
        if not isinstance(found, list) or not all(isinstance(x, str) for x in found):
            raise DataError(
                f"{self.file}: '{key}' is {found!r}, expected a list of texts. Mend it "
                "there."
            )
        return tuple(found)

    def path(self, key: str) -> Path | None:
        text = self.value(key, str)
        return None if text is None else self.file.parent / Path(text).expanduser()

    def duration_us(self, key: str, default: int | None) -> int | None:
        text = self.value(key, str)
        if text is None:
            return default
        return parse_time(text, option=f"{self.file}: {key}")

    def place(self, key: str, *, one: bool) -> PlaceSettings | None:
        found = self.places(key)
        if one and len(found) > 1:
            raise DataError(
                f"{self.file}: there are {len(found)} tables [[{key}]], expected one "
                f"[{key}]. Run one process for each {key}."
            )
        return found[0] if found else None

    def places(self, key: str) -> tuple[PlaceSettings, ...]:
        content = self.content.get(key, [])
        tables = content if isinstance(content, list) else [content]
        places = []
        for table in tables:
            if isinstance(table, str):
                table = {"url": table}
            if not isinstance(table, dict) or not isinstance(table.get("url", ""), str):
                raise DataError(
                    f"{self.file}: [{key}] is {table!r}, expected a table with its url. "
                    'Write [source] and url = "mqtt://...".'
                )
            options = {name: value for name, value in table.items() if name != "url"}
            places.append(PlaceSettings(table.get("url", ""), options))
        return tuple(places)


def parse_time(text: str, *, option: str) -> int:
    """Microseconds of a length of time; `0` and `0s` are none."""
    if text.strip() in ("0", "0s"):
        return 0
    return parse_duration(text, option=option)


def _loop_settings(reader: _Reader) -> LoopSettings:
    default = LoopSettings()
    max_gap_us = reader.duration_us("max-gap", None)
    drain_us = reader.duration_us("drain", None)
    on_gap = reader.value("on-gap", str, default=default.on_gap)
    return LoopSettings(
        wait_us=reader.duration_us("wait", default.wait_us) or 0,
        future_us=reader.duration_us("future", default.future_us),
        on_gap=parse_on_gap(on_gap, where=str(reader.file)),
        max_gap_s=None if max_gap_us is None else max_gap_us / 1e6,
        spool_nbytes=round(
            MB * reader.number("spool-mb", default.spool_nbytes / MB, least=0.001)
        ),
        expires=reader.value("spool-expiry", bool, default=default.expires),
        history_nbytes=round(
            MB * reader.number("history-mb", default.history_nbytes / MB, least=0)
        ),
        drain_s=default.drain_s if drain_us is None else drain_us / 1e6,
        range=reader.texts("range"),
        max_series=round(reader.number("max-series", default.max_series, least=1)),
    )
