"""`make kills`, the live part: a live run killed at drawn moments, again and again.

A chain is one run of several series through a pipe that is killed with SIGKILL many times.
After each kill its reader gives all lines anew, as a broker gives again what it does not
know to be safe. What comes out of the whole chain has to be, byte for byte and the word
`late` left out, what comes out of a run that is never stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from support.artifacts import save_artifact
from support.run_helpers import COLUMNS, MEANS, weather_spec
from support.strategies import random_weights
from support.studies.kill_study import MEMORY, RUN, RUN_UNTIL

NUM_KILLS, NUM_CHAINS, NUM_LINES = 200, 10, 1200
START_US, HOUR_US = 1_357_020_000_000_000, 3_600_000_000

OFTEN = """
from rnnedge_runtime.live.loop import recording
recording._REPLAY_S, recording._RETRY_S, recording._SNAPSHOT_SHARE = 0.002, 0.01, 0
"""
"""Python that has a snapshot written many times a second."""

SOURCE = "file://-?series={series}"
WHEN = ("answers", "time", "call before", "call after")


@dataclass
class Chain:
    """What came of one chain.

    Attributes:
        num_killed: kills that came before the run was over.
        num_twice: forecasts that came more than once.
        faults: what is not as it should be.
    """

    num_killed: int = 0
    num_twice: int = 0
    faults: list[str] = field(default_factory=list)


def make_lines(rng: np.random.Generator, number: int) -> list[str]:
    """Readings of four series as JSON lines, with holes and missing values."""
    hours = [0] * 4
    lines = []
    for k in range(number):
        series = int(rng.integers(4))
        hours[series] += int(rng.choice([1, 1, 1, 1, 2, 5]))
        time_us = START_US + hours[series] * HOUR_US
        stamp = np.datetime64(time_us, "us").astype("datetime64[s]")
        values = rng.normal(MEANS).round(1).tolist()
        row = {"series": f"s{series}", "time": f"{stamp}Z"}
        row |= dict(zip(COLUMNS, values, strict=True))
        if k % 17 == 0:
            del row[COLUMNS[k % len(COLUMNS)]]
        lines.append(f"{json.dumps(row)}\n")
    return lines


def make_artifact(folder: Path) -> Path:
    """An artifact of the native engine."""
    spec = weather_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    weights["layers.0.shift"] = np.array([*MEANS, 0, 0], dtype=np.float32)
    return save_artifact(spec, weights, folder, ".rnne")


def command(artifact: Path, folder: Path | None, sink: Path | None) -> list[str]:
    """Arguments of `rnnedge`, with spool expiry off."""
    found = ["run", str(artifact), "--source", SOURCE, "--sink", str(sink or "-")]
    if folder is not None:
        config = folder / "live.toml"
        config.write_text('state = "state"\nspool-expiry = false\n')
        found += ["--config", str(config)]
    return found


def feed(
    process: subprocess.Popen[bytes], lines: list[str], pause: float, *, ends: bool
) -> None:
    """Write all lines, with a rest now and then; the process may die meanwhile."""
    assert process.stdin is not None
    rng = random.Random(pause)
    with contextlib.suppress(OSError):
        for line in lines:
            os.write(process.stdin.fileno(), line.encode())
            if rng.random() < 0.3 * pause:
                time.sleep(0.002)
    if ends:
        with contextlib.suppress(OSError):
            process.stdin.close()


def kill_once(
    arguments: list[str],
    lines: list[str],
    rng: random.Random,
    *,
    when: str,
    num_left: int = 0,
) -> tuple[bool, list[str], str]:
    """Whether a run was killed; lines of its output, and what it said.

    Args:
        arguments: of `rnnedge`.
        lines: what it reads.
        rng: draws the moment.
        when: one of `WHEN`, or never.
        num_left: forecasts that are not known yet.
    """
    start = OFTEN + RUN
    extra: list[str] = []
    if when.startswith("call"):
        start = RUN_UNTIL + OFTEN + RUN
        extra = [str(rng.randrange(1, 400)), when.partition(" ")[2]]
    process = subprocess.Popen(
        [sys.executable, "-c", start, *extra, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with process:
        ends = when == "never"
        feeder = threading.Thread(
            target=feed, args=(process, lines, rng.random()), kwargs={"ends": ends}
        )
        feeder.start()
        last_s = 0.2 + 0.8 * rng.random() if when == "time" else 2.5
        watch = threading.Timer(last_s, process.kill)
        if not ends:
            watch.start()
        said: list[bytes] = []
        assert process.stdout is not None
        assert process.stderr is not None
        listener = threading.Thread(target=said.extend, args=(process.stderr,))
        listener.start()
        found: list[bytes] = []
        if when == "answers":
            number = rng.randrange(1 + num_left // 3)
            for line in process.stdout:
                found.append(line)
                if len(found) > number:
                    break
            time.sleep(rng.random() * 0.003)
            process.kill()
        found += process.stdout.readlines()
        process.wait()
        watch.cancel()
        feeder.join()
        listener.join()
    is_killed = process.returncode == -signal.SIGKILL
    text = b"".join(said).decode(errors="replace")
    if not is_killed and process.returncode:
        text = f"exit code {process.returncode}: {text}"
    elif "Error" not in text:
        text = ""
    whole = [line.decode() for line in found if line.endswith(b"\n")]
    return is_killed, whole, text


def run_chain(
    artifact: Path, lines: list[str], expected: set[str], rng: random.Random, kills: int
) -> Chain:
    """One chain of kills, and a last run to the end."""
    chain, found = Chain(), list[str]()
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        folder = Path(name)
        sink = folder / "out.jsonl" if rng.random() < 0.4 else None
        arguments = command(artifact, folder, sink)
        for _ in range(kills):
            when = rng.choice(WHEN[1:] if sink else WHEN)
            is_killed, out, fault = kill_once(
                arguments,
                lines,
                rng,
                when=when,
                num_left=len(lines) - len(set(map(plain, found))),
            )
            chain.num_killed += is_killed
            found += out
            chain.faults += [fault] if fault else []
        _, out, fault = kill_once(arguments, lines, rng, when="never")
        found += out
        chain.faults += [fault] if fault else []
        if sink is not None:
            found = sink.read_text().splitlines(keepends=True)
        chain.faults += _left(folder / "state")
    once = set(map(plain, found))
    chain.num_twice = len(found) - len(once)
    if once != expected:
        missing, other = expected - once, once - expected
        chain.faults.append(
            f"{len(missing)} forecasts are missing, {len(other)} are others: "
            f"{[*sorted(missing)[:1], *sorted(other)[:1]]}"
        )
    return chain


def plain(line: str) -> str:
    """A forecast without the word that it is sent again."""
    return line.replace(', "late": true', "")


def _left(state: Path) -> list[str]:
    names = sorted(path.name for path in state.iterdir())
    odd = [name for name in names if name.startswith(".")]
    return [f"left in the folder: {', '.join(names)}"] if odd or len(names) != 5 else []


def study(
    folder: Path, *, kills: int, chains: int, num_lines: int = NUM_LINES, seed: int = 0
) -> list[Chain]:
    """So many kills in so many chains."""
    artifact = make_artifact(folder)
    lines = make_lines(np.random.default_rng(seed), num_lines)
    rng = random.Random(seed)
    _, out, fault = kill_once(command(artifact, None, None), lines, rng, when="never")
    assert not fault, fault
    assert len(out) == num_lines
    expected = set(out)
    return [
        run_chain(artifact, lines, expected, random.Random(f"{seed} {k}"), part)
        for k in range(chains)
        if (part := kills // chains + (k < kills % chains))
    ]


def main() -> None:
    """Print a table; exit code 1 for a fault."""
    with tempfile.TemporaryDirectory() as folder:
        chains = study(Path(folder), kills=NUM_KILLS, chains=NUM_CHAINS)
    print("| live chain | killed | forecasts twice | faults |\n|---|---|---|---|")
    for k, chain in enumerate(chains, 1):
        row = f"{chain.num_killed} | {chain.num_twice} | {len(chain.faults)}"
        print(f"| {k} | {row} |")
    faults = [fault for chain in chains for fault in chain.faults]
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
