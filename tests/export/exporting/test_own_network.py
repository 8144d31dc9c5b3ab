"""The ten networks of docs/own-network.md: native, and the numbers of the user's own loop."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.integer_graphs import in_integers, run_integers
from support.page_blocks import BLOCK, run_command

import rnnedge_runtime as runtime
from rnnedge_export.compare import verification_stream
from rnnedge_export.formats.rnne import writing
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.formats.rnne_file import read_rnne
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import INT8_DRAWN_FRACTION, parity_limit

PAGE = (Path(__file__).parents[3] / "docs/own-network.md").read_text(encoding="utf-8")
BLOCKS = {
    found[1]: text
    for language, _, text in BLOCK.findall(PAGE)
    if language == "python" and (found := re.search(r'name="(\w+)"', text))
}
NUM_STEPS = 40
Step = Callable[[Any, torch.Tensor, Any], tuple[torch.Tensor, Any]]


def _policy(net: Any, x: torch.Tensor, h: Any) -> tuple[torch.Tensor, Any]:
    found = net(x, h)
    return torch.cat([found["action"], found["value"]], dim=-1), found["h"]


def _decoder(net: Any, x: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
    y, *state = net(x, *state)
    return y, state


LOOPS: dict[str, tuple[str, Step, Callable[[dict[str, Any]], Any]]] = {
    "policy": ("Policy", _policy, lambda page: torch.zeros(1, 32)),
    "denoiser": (
        "Denoiser",
        lambda net, x, s: net(x[None], s),
        lambda page: page["states"],
    ),
    "spotter": (
        "Spotter",
        lambda net, x, s: net(x[None], s),
        lambda page: page["state"],
    ),
    "vad": ("Vad", lambda net, x, s: (net(x), s), lambda page: None),
    "amp": ("Amp", lambda net, x, s: net(x[None], s), lambda page: None),
    "battery": ("Battery", lambda net, x, s: net(x[None], s), lambda page: None),
    "activity": (
        "Activity",
        lambda net, x, s: net(x[None], s),
        lambda page: torch.zeros(2, 1, 24),
    ),
    "score": ("Score", lambda net, x, s: net(x, s), lambda page: page["memory"]),
    "decoder": (
        "Decoder",
        _decoder,
        lambda page: (page["states"], torch.full((1, 2), 0.5)),
    ),
    "irregular": (
        "Irregular",
        lambda net, x, s: net(x, s),
        lambda page: page["net"].start,
    ),
}
"""By name: the class on the page, one step of it, and the state before the first."""


def in_torch(name: str, page: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    """What the loop gives that a user writes."""
    kind, step, start = LOOPS[name]
    torch.manual_seed(0)
    net, outputs = page[kind]().eval(), []
    with torch.inference_mode():
        state = start(page)
        for row in rows:
            y, state = step(net, torch.from_numpy(row[None]), state)
            outputs.append(y.reshape(-1).numpy())
    return np.array(outputs)


def test_the_page_has_ten() -> None:
    assert list(BLOCKS) == list(LOOPS)
    assert len(BLOCKS) == 10


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LOOPS)
def test_a_network_is_native_and_gives_the_numbers_of_its_own_loop(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", 250)
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 64)
    page: dict[str, Any] = {"__name__": "page"}
    torch.manual_seed(0)
    with contextlib.chdir(tmp_path):
        exec(compile(BLOCKS[name], name, "exec"), page)
    path = tmp_path / f"dist/{name}.rnne"
    metadata, weights = read_rnne(path)
    assert isinstance(weights, dict)
    spec = metadata.spec
    assert not spec.is_opaque
    assert {each.format for each in page["report"].artifacts} == {"rnne", "onnx", "c"}
    (stated,) = re.findall(rf"\| \[{name}\].*\| ([\d.]+) \|", PAGE)
    assert abs(path.stat().st_size / 1000 - float(stated)) < 0.2 * float(stated)
    rows = np.random.default_rng(0).normal(size=(NUM_STEPS, spec.num_features))
    rows = np.clip(rows.astype(np.float32), -2, 2)
    expected = in_torch(name, page, rows)
    limit = parity_limit(expected)
    for suffix in ("rnne", "onnx"):
        model = runtime.load(path.with_suffix(f".{suffix}"))
        stream = model.stream()
        found = np.array([stream.step(row) for row in rows])
        assert np.abs(found - expected).max() <= limit, suffix
    state = initial_state(spec.graph_state, 1, np.float64)
    y = ReferenceEngine(spec, weights).run(rows[None], state)[0][0]
    integers = run_integers(in_integers(spec, weights, rows), rows)
    assert np.abs(integers - y).max() <= INT8_DRAWN_FRACTION * (np.abs(y).max() + 0.01)


@pytest.mark.filterwarnings("ignore")
def test_the_program_of_the_page_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", 250)
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 64)
    (program,) = [text for _, title, text in BLOCK.findall(PAGE) if title]
    (tmp_path / "watch.py").write_text(program)
    quick = BLOCKS["amp"].replace('("rnne", "onnx", "c")', '("rnne",)')
    with contextlib.chdir(tmp_path):
        exec(compile(quick, "amp", "exec"), {"__name__": "page"})
    python = shlex.quote(sys.executable)
    printed = run_command(f"{python} watch.py dist/amp.rnne", tmp_path)
    assert re.match(r"\[[-\d.e]+\]", printed)
