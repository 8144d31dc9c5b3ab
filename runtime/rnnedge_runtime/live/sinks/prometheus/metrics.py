"""Forecasts, counters and latency as the text that Prometheus scrapes."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from ....spec.model_spec import ModelSpec
from ...loop.nouns import Place
from ..latency import BOUNDS_S, Latency
from ..newest import NEVER, Newest
from .text import Sample, family

_MAX_COUNTERS = 500
_ROLES = {
    "yhat": "Newest forecast, in the unit of its target",
    "yhat_lower": "Lower bound of the newest forecast",
    "yhat_upper": "Upper bound of the newest forecast",
}


class Metrics:
    """All that `GET /metrics` says.

    Args:
        place: names series and counters.
        newest: forecasts.
        latency: from receipt on.
        max_series: of which forecasts are given; the first ones that came.
        expire_after_s: a series that was not heard of for so long is left out; 0: never.
    """

    def __init__(
        self,
        place: Place,
        newest: Newest,
        latency: Latency,
        *,
        max_series: int,
        expire_after_s: float,
    ) -> None:
        self._place = place
        self._newest = newest
        self._latency = latency
        self._max_series = max_series
        self._expire_after_us = round(expire_after_s * 1e6)
        self._started_s = time.time()
        self._columns = list(_columns(place.spec))

    def text(self) -> str:
        """The whole of it."""
        parts = [*self._forecasts(), *self._counts(), *self._times()]
        return "".join(parts)

    def _forecasts(self) -> Iterator[str]:
        shown = min(len(self._newest), self._max_series)
        rows = self._newest.rows(np.arange(shown))
        is_shown = rows.time_us != NEVER
        if self._expire_after_us:
            oldest = time.time_ns() // 1000 - self._expire_after_us
            is_shown &= rows.received_us >= oldest
        chosen = np.flatnonzero(is_shown)
        names = [self._place.names[number] for number in chosen.tolist()]
        values = rows.values[chosen]
        for role, about in _ROLES.items():
            samples = [
                Sample(str(value), {"series": name, **labels})
                for of, labels, column in self._columns
                if of == role
                for name, value in zip(names, values[:, column], strict=True)
                if np.isfinite(value)
            ]
            if samples:
                yield family(role, "gauge", about, samples)
        stamps = (rows.time_us[chosen] / 1e6).tolist()
        yield family(
            "rnnedge_reading_time_seconds",
            "gauge",
            "Time of the newest reading, Unix time",
            [
                Sample(f"{t!r}", {"series": n})
                for n, t in zip(names, stamps, strict=True)
            ],
        )
        total = len(self._place.names)
        yield family("rnnedge_series", "gauge", "Series that were heard of", [total])
        left_out = total - len(chosen)
        about = "Series without a forecast here: too many, or silent for long"
        yield family("rnnedge_series_left_out", "gauge", about, [left_out])

    def _counts(self) -> Iterator[str]:
        counts = dict(self._place.counters.counts)
        kinds: dict[str, list[Sample]] = {"received": [], "sent": [], "dropped": []}
        others = []
        for (name, what), number in sorted(counts.items())[:_MAX_COUNTERS]:
            kind, _, reason = what.partition(": ")
            labels = {"place": name}
            if kind == "dropped":
                labels["reason"] = reason
            elif what not in kinds:
                others.append(Sample(str(number), {"place": name, "event": what}))
                continue
            kinds[kind].append(Sample(str(number), labels))
        for kind, samples in kinds.items():
            about = f"Readings or forecasts {kind}"
            yield family(f"rnnedge_{kind}_total", "counter", about, samples)
        about = "Whatever else is counted"
        yield family("rnnedge_events_total", "counter", about, others)

    def _times(self) -> Iterator[str]:
        yield family(
            "rnnedge_latency_seconds",
            "histogram",
            "From receipt of a reading to its forecast here",
            _buckets(self._latency),
        )
        artifact, installed = self._place.artifact, _version()
        labels = {"version": installed, "artifact": artifact}
        labels["python"] = platform.python_version()
        about = "What runs here"
        yield family("rnnedge_build_info", "gauge", about, [Sample("1", labels)])
        about = "Start of the process, Unix time"
        yield family("process_start_time_seconds", "gauge", about, [self._started_s])
        about = "Time that the process has computed"
        yield family(
            "process_cpu_seconds_total", "counter", about, [time.process_time()]
        )


def _columns(spec: ModelSpec) -> Iterator[tuple[str, dict[str, str], int]]:
    """Role, labels and column of the outputs that are shown; of quantiles the outer two."""
    quantiles = spec.quantiles
    middle = min(quantiles, key=lambda q: abs(q - 0.5), default=None)
    roles: dict[float | None, str] = {middle: "yhat"}
    if len(quantiles) > 1:
        roles = {quantiles[0]: "yhat_lower", quantiles[-1]: "yhat_upper", **roles}
    for column, output in enumerate(spec.outputs):
        if role := roles.get(output.quantile):
            horizon = _horizon(output.step, spec.sample_period_s)
            yield role, {"for": output.target, "horizon": horizon}, column


def _horizon(step: int, period_s: float | None) -> str:
    """A step ahead as a label: `6h`, `1h30m`, `15s`, or its number without a period."""
    if not period_s:
        return str(step)
    left_ms, text = round(1000 * step * period_s), ""
    for unit, size_ms in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        number, left_ms = divmod(left_ms, size_ms)
        text += f"{number}{unit}" if number else ""
    seconds, left_ms = divmod(left_ms, 1000)
    text += f"{seconds}s" if seconds else ""
    return text + (f"{left_ms}ms" if left_ms or not text else "")


def _buckets(latency: Latency) -> Iterable[Sample]:
    counts, total_s, seen = list(latency.counts), latency.sum_s, 0
    for bound, number in zip((*BOUNDS_S, "+Inf"), counts, strict=True):
        seen += number
        yield Sample(str(seen), {"le": str(bound)}, "_bucket")
    yield Sample(repr(total_s), {}, "_sum")
    yield Sample(str(seen), {}, "_count")


def _version() -> str:
    try:
        return version("rnnedge")
    except PackageNotFoundError:
        return ""
