"""A disk that is full or read-only, at the start and on the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.live_helpers import ListSink, ListSource, drawn_readings, make_loop
from support.run_helpers import COLUMNS, make_artifact

from rnnedge_runtime import load
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop import recording
from rnnedge_runtime.streams.model import Model

BATCHES = drawn_readings(np.random.default_rng(4), COLUMNS, num_batches=20)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(make_artifact(tmp_path_factory.mktemp("artifact")))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, list[int]], None]:
    """Makes the calls of these numbers fail, counted from now."""

    def fail(name: str, code: int, numbers: list[int]) -> None:
        call, count = getattr(os, name), 0

        def failing_call(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count in numbers:
                if name == "pwrite":
                    call(arguments[0], arguments[1][:7], *arguments[2:])  # type: ignore[index]
                raise OSError(code, os.strerror(code))
            return call(*arguments, **options)

        monkeypatch.setattr(os, name, failing_call)

    return fail


def test_readings_wait_while_the_disk_is_full(
    model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[[str, int, list[int]], None],
) -> None:
    """Said once, counted, not acknowledged, tried again; nothing is lost."""
    monkeypatch.setattr(recording, "_RETRY_S", 0.0)
    whole = ListSink()
    loop = make_loop(model, ListSource(BATCHES), [whole])
    loop.run()
    source, sink, told = ListSource(BATCHES), ListSink(), list[str]()
    failing("pwrite", errno.ENOSPC, [5, 6, 7, 11])
    loop = make_loop(model, source, [sink], tmp_path, told=told)
    loop.run()
    assert sink.sent(loop.names) == whole.sent(loop.names)
    assert source.acknowledged == list(range(1, 21))
    assert loop.counters.counts["state", "records not saved"] == 4
    full = [line for line in told if "No space left on device" in line]
    assert len(full) == 2
    assert "Readings wait, and are not acknowledged" in full[0]
    assert sum("saved again" in line for line in told) == 2


def test_a_snapshot_that_cannot_be_written_is_tried_again(
    model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[[str, int, list[int]], None],
) -> None:
    monkeypatch.setattr(recording, "_RETRY_S", 0.0)
    monkeypatch.setattr(recording, "_REPLAY_S", 0.0)
    monkeypatch.setattr(recording, "_SNAPSHOT_SHARE", 0.0)
    sink, told = ListSink(), list[str]()
    loop = make_loop(model, ListSource(BATCHES[:10]), [sink], tmp_path, told=told)
    loop.start()
    failing("replace", errno.EIO, [1, 2])
    for _ in range(10):
        assert loop.turn()
        assert loop.store is not None
        loop.store.wait()
    loop.close(saves=False)
    assert sum("a snapshot is tried again" in line for line in told) == 1
    again = make_loop(model, ListSource(BATCHES[10:]), [sink], tmp_path, told=told)
    again.run()
    whole = ListSink()
    loop = make_loop(model, ListSource(BATCHES), [whole])
    loop.run()
    assert set(sink.sent(again.names)) == set(whole.sent(loop.names))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_refused_at_the_start(
    model: Model,
    tmp_path: Path,
    failing: Callable[[str, int, list[int]], None],
    code: int,
) -> None:
    failing("open", code, [3])
    source = ListSource(BATCHES)
    loop = make_loop(model, source, [ListSink()], tmp_path / "state")
    with pytest.raises(DataError, match=f"cannot be saved: {os.strerror(code)}"):
        loop.run()
    assert source.at == 0
    assert source.is_closed
