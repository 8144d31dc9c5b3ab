"""Settings of every test: one thread, drawn cases that repeat, no skip unseen."""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from support.programs import left_out

SHARED = re.compile(r'fixture\(.*scope="(?:module|session)"')
FEW_STEPS = 300
REQUIRES_ALL = os.environ.get("RNNEDGE_REQUIRE") == "all"

settings.register_profile(
    "dev",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.load_profile("ci" if REQUIRES_ALL or os.environ.get("CI") else "dev")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share what is made once go to one worker, all others to any."""
    from xdist.scheduler import LoadScopeScheduling

    class BySharedFixture(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = config.rootpath / nodeid.partition("::")[0]
            return _shared(file) or nodeid

    return BySharedFixture(config, log) if config.getvalue("dist") == "load" else None


@cache
def _shared(file: Path) -> str:
    """The file or folder whose fixtures more tests of it than one use; "" for none."""
    for place in (file.with_name("conftest.py"), file):
        if place.exists() and SHARED.search(place.read_text(encoding="utf-8")):
            return str(place)
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> None:
    """What a fixture draws without a seed depends on its name and its folder alone."""
    _seed_generators(f"{fixturedef.baseid} {fixturedef.argname}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """What a test draws without a seed depends on its own name alone."""
    _seed_generators(item.nodeid)


def _seed_generators(name: str) -> None:
    """Seed what draws without a seed of its own: Python, NumPy and, if there, PyTorch."""
    value = crc32(name.encode())
    random.seed(value)
    np.random.seed(value)  # noqa: NPY002 - the generator that a library may draw from
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(value)


@pytest.fixture(scope="session", autouse=True)
def _little_work() -> Iterator[None]:
    """Exports prove themselves on fewer steps, and runs get empty pictures.

    Both take most of the time of what is small; `full_length` and `pictures` ask for them.
    """
    if not {"rnnedge", "torch"} & set(sys.modules):  # no test here trains or exports
        yield
        return
    from rnnedge.evaluation.pictures import run_plots
    from rnnedge_export.compare import verification_stream

    def save(figure: Any, path: Path) -> None:
        path.write_bytes(b"")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_plots, "save", save)
        patch.setattr(verification_stream, "VERIFY_STEPS", FEW_STEPS)
        yield


@pytest.fixture
def full_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by a test that streams as many steps as a user's export."""
    from rnnedge_export.compare import verification_stream
    from rnnedge_runtime.tolerances import VERIFY_STEPS

    monkeypatch.setattr(verification_stream, "VERIFY_STEPS", VERIFY_STEPS)


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by a test whose runs have their pictures drawn, as a user's have."""
    from rnnedge.evaluation.pictures import drawing, run_plots

    monkeypatch.setattr(run_plots, "save", drawing.save)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed that depends on the test's name alone; shown when the test fails."""
    value = crc32(request.node.nodeid.encode())
    print(f"seed {value}")
    return value


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    return _fail_when_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    return _fail_when_skipped((yield))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out for want of which programs, and how to install them."""
    outcomes = ("skipped", "failed", "error")
    reports = [r for name in outcomes for r in terminalreporter.stats.get(name, ())]
    lines = left_out(str(report.longrepr) for report in reports)
    if lines:
        terminalreporter.section("left out")
        for line in lines:
            terminalreporter.write_line(line)


def _fail_when_skipped(report):
    """Under RNNEDGE_REQUIRE=all a skip is a failure; an expected failure stays one."""
    if REQUIRES_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under RNNEDGE_REQUIRE=all: {report.longrepr}"
    return report
