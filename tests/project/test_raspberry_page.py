"""docs/raspberry-pi.md: its programs as they stand there, with a file as the sensor."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.artifacts import save_artifact
from support.strategies import random_weights

from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import DerivedInput, Feature, ModelSpec, Target

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/raspberry-pi.md").read_text(encoding="utf-8")
SENSOR, OWN_PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(SERVICE,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
SPEC = ModelSpec(
    features=(Feature("temp_c"),),
    targets=(Target("temp_c"),),
    derived=(DerivedInput(86_400),),
    sample_period_s=1.0,
    layers=(Gru(3, 4), Linear(4, 1)),
)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """The folder of the page, with a sensor that shows 21.437 degrees."""
    weights = random_weights(SPEC, np.random.default_rng(0))
    path = save_artifact(SPEC, weights, tmp_path, ".rnne")
    path.rename(tmp_path / "boiler.rnne")
    (tmp_path / "sensor.py").write_text(SENSOR)
    sensor = tmp_path / "28-0316a2795cff"
    sensor.mkdir()
    (sensor / "temperature").write_text("21437\n")
    return tmp_path


def command_of(device: Path) -> str:
    """ExecStart as systemd reads it: lines that end in a backslash go on."""
    text = SERVICE.replace("\\\n", " ")
    line = re.search(r"^ExecStart=/bin/sh -c '(.*)'$", text, re.MULTILINE)[1]
    line = line.replace("/srv/rnnedge/bin/python", sys.executable)
    rnnedge = programs.SCRIPTS_OF_PYTHON / "rnnedge"
    line = line.replace("/srv/rnnedge/bin/rnnedge", str(rnnedge))
    line = line.replace("/srv/rnnedge", str(device))
    return line.replace("/sys/bus/w1/devices", str(device)).replace("cff 60", "cff 1")


def rows(device: Path) -> list[dict]:
    path = device / "forecasts.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def serve_until(device: Path, num_rows: int) -> str:
    """Run the service until it has written so many rows, stop it as systemd does."""
    service = programs.start(
        ["sh", "-c", command_of(device)],
        cwd=device,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(rows(device)) < num_rows and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(service.pid, signal.SIGTERM)
    return service.communicate(timeout=60)[1]  # which ends when all three have ended


@programs.needs("sh")
def test_the_service_goes_on_from_its_state(device: Path) -> None:
    """It is stopped once; the sensor fails in the second part."""
    said = serve_until(device, 2)
    assert "the state is in boiler.state" in said
    before = (device / "boiler.state").read_bytes()
    num_before = len(rows(device))
    (device / "28-0316a2795cff/temperature").unlink()
    serve_until(device, num_before + 2)
    found = rows(device)
    assert len(found) > num_before >= 2
    assert all(np.isfinite(list(row.values())[-1]) for row in found)
    assert (device / "boiler.state").read_bytes() != before


def test_the_own_program_goes_on_from_its_state(device: Path) -> None:
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", OWN_PROGRAM],
            cwd=device,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert outputs[0].startswith("{'temp_c_1'")
    assert outputs[0] != outputs[1]


def test_the_unit_survives_a_stop_and_a_pipe_that_ends() -> None:
    lines = set(SERVICE.splitlines())
    assert {
        "Restart=always",
        "SuccessExitStatus=143",
        "StateDirectory=rnnedge",
    } <= lines
