"""Headless Chromium over its DevTools pipe: pages opened, pressed, measured, photographed."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import programs

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
WAIT_S = 30.0


class Browser:
    """One tab. Commands are those of the DevTools protocol."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._buffer = b""
        self._number = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a command gives."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, found
                return found["result"]
            self.events.append(found)

    def look(self, width: int, height: int, *, is_phone: bool, scheme: str) -> None:
        """Width and height of the window, and the colours of the system."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self("Emulation.setEmulatedMedia", features=features)

    def go(self, url: str) -> None:
        """Open a page; `until` waits for what is on it."""
        self("Page.navigate", url=url)

    def js(self, expression: str) -> Any:
        """The value of an expression on the page."""
        found = self(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait for an expression to be true, and give its value."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if value := self.js(expression):
                return value
            time.sleep(0.05)
        raise AssertionError(
            f"never true: {expression}: {self.js('document.body.innerText')}"
        )

    def press(self, key: str, text: str = "") -> None:
        """A key of the keyboard."""
        parts = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS.get(key, 0)}
        if text:
            parts["text"] = text
        self("Input.dispatchKeyEvent", type="keyDown", **parts)
        self("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def write(self, text: str) -> None:
        """Text where the focus is."""
        self("Input.insertText", text=text)

    def picture(self, path: Path) -> bytes:
        """The window as PNG."""
        found = self("Page.captureScreenshot", format="png")
        content = base64.b64decode(found["data"])
        path.write_bytes(content)
        return content

    def asked(self) -> list[str]:
        """Addresses that were asked for."""
        self.js("0")
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def faults(self) -> list[str]:
        """What went wrong on the page, and what its policy forbade."""
        self.js("0")
        return [
            str(event["params"])
            for event in self.events
            if event.get("method") == "Runtime.exceptionThrown"
            or (
                event.get("method") == "Log.entryAdded"
                and event["params"]["entry"]["level"] == "error"
            )
        ]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], WAIT_S)[0], "chromium is silent"
            part = os.read(self._read, 1 << 16)
            assert part, "chromium ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser that starts here and ends here."""
    down, up = os.pipe(), os.pipe()

    def place() -> None:
        read, write = os.dup(down[0]), os.dup(up[1])
        os.dup2(read, 103)
        os.dup2(write, 104)
        os.dup2(103, 3)
        os.dup2(104, 4)

    process = programs.start(
        ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        preexec_fn=place,
        pass_fds=(3, 4),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(down[0])
    os.close(up[1])
    try:
        yield Browser(up[0], down[1])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(down[1])
        os.close(up[0])
