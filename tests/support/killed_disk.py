"""A process that is killed at its k-th call to the disk, played within the process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rnnedge_runtime.live.loop.disk import journal, store

CALLS = ("open", "pwrite", "fsync", "ftruncate", "replace", "unlink", "mkdir")


OPEN = os.open


class Killed(BaseException):
    """The process is no more."""


class Death:
    """Counts calls to the disk and lets none through once their number is reached.

    Args:
        at: number of the call that is not done any more.
        share: part of its bytes that a write at that point still writes.
    """

    def __init__(self, at: int, share: float = 0.0) -> None:
        self.left, self._share = at, share
        self.files: dict[int, os.stat_result] = {}

    def wrap(self, call: Callable[..., Any], *, writes: bool) -> Callable[..., Any]:
        def counted(*arguments: Any, **names: Any) -> Any:
            self.left -= 1
            if self.left == 0 and writes:
                file, content, offset = arguments
                call(file, content[: int(self._share * len(content))], offset)
            if self.left <= 0:
                raise Killed
            result = call(*arguments, **names)
            if call is OPEN:
                self.files[result] = os.fstat(result)
            return result

        return counted


class InlineThread:
    """A thread that does its work when it is started."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], **_: Any):
        self._work = target, args

    def start(self) -> None:
        self._work[0](*self._work[1])

    def is_alive(self) -> bool:
        return False

    def join(self) -> None:
        pass


@contextlib.contextmanager
def killed_after(death: Death) -> Iterator[None]:
    """Within it, the process dies as `death` says; after it the disk is as it was left."""
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            call = getattr(os, name)
            patch.setattr(os, name, death.wrap(call, writes=name == "pwrite"))
        patch.setattr(journal, "_sync", death.wrap(os.fsync, writes=False))
        patch.setattr(store.threading, "Thread", InlineThread)
        with contextlib.suppress(Killed):
            yield
    for file, status in death.files.items() if death.left <= 0 else ():
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(file), status):
                os.close(file)
