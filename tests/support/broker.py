"""A mosquitto of a test's own, on loopback, that keeps what it has over restarts."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from support import programs

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
max_inflight_messages 200
log_dest file {folder}/mosquitto.log
{more}
"""


class Broker:
    """mosquitto with a folder of its own."""

    def __init__(self, folder: Path, *more: str, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        lines = "\n".join(more)
        if any(line.startswith("allow_anonymous") for line in more):
            text = CONFIG.replace("allow_anonymous true\n", "")
        else:
            text = CONFIG
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            text.format(port=self.port, folder=folder, more=lines)
            + ("user root\n" if _is_root() else "")
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = programs.start(
            ["mosquitto", "-c", self.config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._answers)

    def stop(self) -> None:
        """As a service manager does: what it holds is written."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False


@contextlib.contextmanager
def running(folder: Path, *more: str) -> Iterator[Broker]:
    broker = Broker(folder, *more)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(is_so, seconds: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    """Until it is so; a test that waits longer fails."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.005)


def _is_root() -> bool:
    import os

    return os.geteuid() == 0
