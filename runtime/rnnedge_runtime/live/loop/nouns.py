"""What flows: readings from a source, batches into the streams, outcomes to the sinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ...spec.model_spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sensor, or one device, said at one time.

    Attributes:
        series: which stream it belongs to; "" where there is one.
        time_us: microseconds since 1970 UTC; None: when it was received.
        values: by the name of the feature, in its unit; a feature may be missing.
        origin: what the source needs to answer it, such as its line; not saved.
    """

    series: str
    time_us: int | None
    values: Mapping[str, float]
    origin: Any = None


@dataclass(frozen=True, slots=True)
class Received:
    """What a source gave in one go, at most some thousand readings.

    Attributes:
        readings: in the order in which they came.
        token: what `Source.acknowledge` is called with once they are on disk.
    """

    readings: Sequence[Reading]
    token: Any = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings as columns, as the streams take them and the journal keeps them.

    Attributes:
        now_us: when they were received, microseconds since 1970 UTC. All decisions on
            time use it, so that a batch taken again gives the same outcome.
        series: `[n]` int32, numbers of the streams (`LiveStreams.number`).
        time_us: `[n]` int64, microseconds since 1970 UTC.
        values: `[n, F]` float32 in the order of the features, NaN where missing.
        origins: `[n]` of the readings; empty where nobody needs them.
    """

    now_us: int
    series: NDArray[np.int32]
    time_us: NDArray[np.int64]
    values: NDArray[np.float32]
    origins: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the streams made of one batch.

    Attributes:
        sequence: number of the batch, from 1; journal and sinks count by it.
        now_us: when the batch was received.
        series: `[m]` int32, number of the stream of each forecast.
        time_us: `[m]` int64, time of the reading that each forecast starts from.
        readings: `[m, F]` float32 as they came.
        values: `[m, O]` float32 forecasts in raw units, in the order of `spec.outputs`.
        rows: `[m]` int32, row of the batch that each forecast answers; -1 where its
            reading came with an earlier batch and had to wait.
        is_late: sent again after a stop, or after the sink was down.
        origins: as in the batch.
    """

    sequence: int
    now_us: int
    series: NDArray[np.int32]
    time_us: NDArray[np.int64]
    readings: NDArray[np.float32]
    values: NDArray[np.float32]
    rows: NDArray[np.int32]
    is_late: bool = False
    origins: Sequence[Any] = ()


@dataclass(slots=True)
class Counters:
    """What happened how often, by the name of a source, sink or stage and a word.

    Words: `received`, `sent`, `acknowledged`, `dropped: <reason>`, `late`, and so on. One
    thread adds to one name; any may read.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, name: str, what: str, number: int = 1) -> None:
        """Count `number` more."""
        if number:
            self.counts[name, what] += number


@dataclass(frozen=True, slots=True)
class Place:
    """What a source or a sink is opened with.

    Attributes:
        url: as the user gave it, such as `mqtt://host/sensors/+/reading`, or "" where all
            is in `options`.
        options: of its table in the configuration, checked by the place itself.
        spec: of the model; its features name what readings hold.
        names: name of each series by its number, filled as series come.
        counters: what it counts in, by its own name.
        tell: called with one sentence that the user should see at once.
        artifact: name of the model's file, for descriptions.
    """

    url: str
    _: KW_ONLY
    spec: ModelSpec
    names: Sequence[str]
    counters: Counters
    tell: Callable[[str], None]
    options: Mapping[str, Any] = field(default_factory=dict)
    artifact: str = ""


class Source(Protocol):
    """Where readings come from. All calls come from the thread of the loop.

    Attributes:
        name: of its protocol, such as `mqtt`; counters have it.
    """

    name: str

    def start(self) -> None:
        """Check the peer and begin.

        Raises:
            DataError: it cannot be used, and waiting would not mend that.
        """

    def poll(self, timeout_s: float) -> Received | None:
        """What came, after at most `timeout_s` seconds; no readings if nothing; None: the end.

        A signal may end the waiting early. Text that is no reading is counted as
        `dropped: <reason>` and said (`tell`) at its first time, never raised.
        """

    def acknowledge(self, token: Any) -> None:
        """Called once all readings up to those of `token` are on disk, or in no need of it."""

    def close(self) -> None:
        """Stop; what was not acknowledged comes again at the next start."""


class Sink(Protocol):
    """Where forecasts go. All calls come from the thread of the loop.

    Attributes:
        name: of its protocol; counters have it.
    """

    name: str

    def start(self) -> None:
        """Check the peer and begin; a peer that is away for now is tried again later.

        Raises:
            DataError: it cannot be used, and waiting would not mend that.
        """

    def send(self, outcome: Outcome) -> bool:
        """Take one outcome; False where it cannot now: the loop keeps it and tries again."""

    def delivered(self) -> int:
        """The sequence up to which all outcomes have arrived, 0 for none."""

    def idle(self) -> None:
        """Called between batches, at least once a second: reconnect, flush."""

    def close(self) -> None:
        """Send what can be sent at once, and stop."""
