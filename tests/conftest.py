"""Settings of every test: one thread, drawn cases that repeat, no skip unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from zlib import crc32

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from programs import left_out

REQUIRES_ALL = os.environ.get("RNNEDGE_REQUIRE") == "all"

settings.register_profile(
    "dev",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.load_profile("ci" if REQUIRES_ALL or os.environ.get("CI") else "dev")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what is made once go to one worker (`--dist loadgroup`)."""
    for item in items:
        if shared := _shared(item):
            item.add_marker(pytest.mark.xdist_group(shared))


def _shared(item: pytest.Item) -> str:
    """Where the fixtures are that more tests than this one use; "" for none.

    One whose name starts with `_` makes nothing.
    """
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs.items() if info else ()
    scopes = {
        each[-1].scope: each[-1].baseid
        for name, each in definitions
        if each[-1].scope in ("module", "session")
        if each[-1].baseid and not name.startswith("_")
    }
    return scopes.get("session") or scopes.get("module", "")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed that depends on the test's name alone; shown when the test fails."""
    name = request.node.nodeid
    if request.node.get_closest_marker("xdist_group"):
        name = name.rpartition("@")[0] or name  # xdist appends the group
    value = crc32(name.encode())
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
