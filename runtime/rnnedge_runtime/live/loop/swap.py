"""Another model in place of the present one, between two readings.

A thread loads the new artifact, checks it and brings streams of it up to date with recent
readings. The loop goes on meanwhile, and switches once they are ready. Whatever fails, the
present model stays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import RnnEdgeError, StateError
from ...spec.model_spec import ModelSpec
from ...streams.engine import initial_state
from ...tolerances import PARITY_STD_FRACTION, PARITY_ULPS
from .history import History
from .nouns import Batch, Counters
from .recording import AnyStreams

if TYPE_CHECKING:
    from ...streams.model import Model

NAME = "model"
_LOOK_S = 1.0

Stamp = tuple[int, int, int]
"""Time of the last change, size and number of a file."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A model that is ready, its streams up to date with all batches up to `end`."""

    model: Model
    streams: AnyStreams
    end: int


class Swapper:
    """Watches an artifact, and makes a new one ready.

    Args:
        path: of the artifact.
        load: from a path to a model.
        make_streams: from a model to streams as new.
        is_watching: whether the file is looked at once a second; else only `ask` counts.
        counters: switches and refusals are counted here.
        tell: called with one sentence on each.
    """

    def __init__(
        self,
        path: Path,
        *,
        load: Callable[[Path], Model],
        make_streams: Callable[[Model], AnyStreams],
        is_watching: bool,
        counters: Counters,
        tell: Callable[[str], None],
    ) -> None:
        self._path, self._load, self._make_streams = path, load, make_streams
        self._is_watching, self._counters, self._tell = is_watching, counters, tell
        self._is_asked = False
        self._seen = self._taken = stamp_of(path)
        self._looked_s = time.monotonic()
        self._thread: threading.Thread | None = None
        self._found: Successor | None = None
        self._fault = ""

    def ask(self) -> None:
        """Have the artifact loaded again, changed or not; may be called by a signal."""
        self._is_asked = True

    def ready(
        self, model: Model, names: Sequence[str], history: History
    ) -> Successor | None:
        """A model that is to take over now; None for none. Starts what is to be started.

        Args:
            model: the present one.
            names: of all series by number.
            history: recent readings.
        """
        if self._thread is not None:
            if self._thread.is_alive():
                return None
            self._thread = None
            return self._taken_over()
        if self._is_asked or (self._is_watching and self._is_changed()):
            self._is_asked = False
            self._taken = stamp_of(self._path)
            self._thread = threading.Thread(
                target=self._prepare,
                args=(model, list(names), history.since(0), history.end),
                daemon=True,
            )
            self._thread.start()
        return None

    def switched(self, model: Model) -> None:
        """Count and say that a model has taken over."""
        self._counters.add(NAME, "switched")
        self._tell(f"{self._path}: the new model {model.digest[:12]} has taken over.")

    def refuse(self, error: RnnEdgeError) -> None:
        """Count and say that the present model stays, as the switch itself failed."""
        self._counters.add(NAME, "refused")
        self._tell(f"{error} The present model stays.")

    def _taken_over(self) -> Successor | None:
        found, fault = self._found, self._fault
        self._found, self._fault = None, ""
        if fault:
            self._counters.add(NAME, "refused")
            self._tell(f"{fault} The present model stays.")
        return found

    def _is_changed(self) -> bool:
        """Whether the file is another one, and was so a second ago."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return False
        self._looked_s = now_s
        before, self._seen = self._seen, stamp_of(self._path)
        return self._seen not in (None, self._taken) and self._seen == before

    def _prepare(
        self, present: Model, names: list[str], batches: list[Batch], end: int
    ) -> None:
        try:
            model = self._load(self._path)
            if model.digest == present.digest:
                self._fault = f"{self._path}: it holds the model that runs already."
                return
            check_compatible(model, present)
            check_golden_steps(model)
            streams = self._make_streams(model)
            for name in names:
                streams.number(name)
            for batch in batches:
                streams.apply(batch)
            self._found = Successor(model, streams, end)
        except RnnEdgeError as error:
            self._fault = str(error)
        except Exception as error:  # whatever it is, the present model has to go on
            kind = type(error).__name__
            self._fault = f"{self._path}: it cannot be used ({kind}: {error})."


def check_compatible(model: Model, present: Model) -> None:
    """Raise StateError where a model reads or forecasts something else than the present one."""
    for what, new, old in zip(
        ("its features are", "its outputs are", "its sampling period is"),
        _signature(model.spec),
        _signature(present.spec),
        strict=True,
    ):
        if new != old:
            raise StateError(
                f"{model.name}: {what} {new}, those of the present model {old}. Stop and "
                "start with another --state folder to change them."
            )


def check_golden_steps(model: Model) -> None:
    """Raise StateError where a model does not give the outputs recorded in its artifact."""
    golden, spec = model.golden, model.spec
    state = initial_state(spec.graph_state, 1, model.engine.dtype)
    y, _ = model.engine.run(golden.x[None], state)
    limits = model.metadata.limits
    if model.metadata.is_integer:
        allowed = np.zeros(spec.output_size)
    elif limits is not None:
        allowed = np.asarray(limits.golden, np.float64)
    else:
        size = np.abs(golden.y.astype(np.float64)).max(axis=0)
        ulps = PARITY_ULPS * np.spacing(size.astype(np.float32))
        allowed = PARITY_STD_FRACTION * golden.y.std(axis=0) + ulps
    apart = np.abs(y[0].astype(np.float64) - golden.y).max(axis=0)
    if not (apart <= allowed).all():
        raise StateError(
            f"{model.name}: on its {len(golden.x)} recorded steps it is {apart.max():.3g} "
            f"off the recorded outputs, more than {allowed.max():.3g}. Export it again."
        )


def stamp_of(path: Path) -> Stamp | None:
    """What tells one content of a file from the next; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _signature(spec: ModelSpec) -> tuple[str, str, str]:
    features = ", ".join(f"{f.name} ({f.unit or '-'})" for f in spec.features)
    outputs = ", ".join(f"{o.name} ({o.unit or '-'})" for o in spec.outputs)
    return features, outputs, f"{spec.sample_period_s or 0:g} s"
