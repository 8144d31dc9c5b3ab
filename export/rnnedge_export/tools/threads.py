"""How many CPU threads PyTorch computes with, for a while."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """`count` threads, and the caller's number of them again at the end.

    A step of a small network is over before a second thread has woken up: it costs more
    than it brings and, on a busy machine, minutes. Where PyTorch is not imported there is
    nothing to change.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
