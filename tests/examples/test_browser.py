"""The page of examples/browser in headless Chromium: the bytes of the Python runtime."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import programs
from support.run_helpers import weather_spec
from support.wasm_models import TOOLS, write_wasm

from rnnedge_export.formats.wasm.loading import load_wasm

ROOT = Path(__file__).resolve().parents[2]
pytestmark = programs.needs(*TOOLS, "chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=20000",
)
SAVED_AFTER = 300


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page around an untrained model, and a script that presses its buttons."""
    folder = tmp_path_factory.mktemp("browser")
    module = write_wasm(weather_spec(), 5, folder / "tiny.wasm")
    out = folder / "site"
    build = ROOT / "examples/browser/build.py"
    command = [sys.executable, str(build), str(module), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.copy(Path(__file__).with_name("drive.js"), out)
    page = (out / "index.html").read_text()
    script = '<script type="module" src="drive.js"></script>'
    (out / "driven.html").write_text(page.replace("</body>", f"{script}</body>"))
    return out


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def opened(url: str, profile: Path) -> str:
    """The page as it is once its time has passed."""
    flags = [*FLAGS, f"--user-data-dir={profile}", "--dump-dom"]
    done = programs.run(
        ["chromium", *flags, url],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.stdout


def test_the_browser_gives_the_bytes_of_python(
    site: Path, address: str, tmp_path: Path
) -> None:
    shown = opened(f"{address}/driven.html?to={SAVED_AFTER}", tmp_path / "profile")
    found = re.search('data-done="([^"]*)"', shown)
    assert found, shown[-3000:]
    done = json.loads(html.unescape(found[1]))
    weather = json.loads((site / "weather.json").read_text())
    model = load_wasm(site / "model.wasm", is_run=False)
    rows = np.array([row[1:] for row in weather["rows"]], np.float64).astype(np.float32)
    times = np.array([row[0] for row in weather["rows"]])
    y = model.stream().run(rows, times).astype("<f4")
    assert done["digest"] == model.digest
    assert done["steps"] == len(rows) > SAVED_AFTER
    assert done["last"] == y[-1].tobytes().hex()
    assert done["first"] == done["restored"] == SAVED_AFTER
    assert done["before"] == done["after"] == y[SAVED_AFTER + 1].tobytes().hex()
    number = f"{y[SAVED_AFTER + 1, -1]:.1f} °C".replace("-", "\N{MINUS SIGN}")
    assert done["forecast"] == number
    assert f"State saved after {SAVED_AFTER} hours" in done["said"][0]
    assert "no snapshot" in done["said"][1]
    assert done["isKept"]
    assert done["played"] > 0
    assert done["drawn"] > 1000


def test_a_damaged_module_is_said_on_the_page(
    site: Path, address: str, tmp_path: Path
) -> None:
    module = site / "model.wasm"
    content = module.read_bytes()
    module.write_bytes(content[:-200])
    try:
        shown = opened(f"{address}/index.html", tmp_path / "profile")
    finally:
        module.write_bytes(content)
    assert "The model cannot be run" in shown
