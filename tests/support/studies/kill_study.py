"""`make kills`: `rnnedge run` killed at drawn moments loses what it says and no more.

Each case kills a run with SIGKILL, goes on from its state, and compares every forecast with
those of a run that was never stopped.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.artifacts import save_artifact
from support.run_helpers import COLUMNS, MEANS, weather_spec
from support.strategies import random_weights

import rnnedge_runtime
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.streams.model import Model

NUM_PIPES, NUM_FILES, NUM_SAVES = 110, 88, 24
NUM_ROWS = 1500
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are written quickly; a kill ends a process, not the machine."""

START_US = 1_357_020_000_000_000
HOUR_US = 3_600_000_000
RUN = "from rnnedge.cli import main; main()"
RUN_UNTIL = """
import os, pathlib, signal, sys
number, is_after = int(sys.argv.pop(1)), sys.argv.pop(1) == "after"
num_calls = 0
def dying(call):
    def called(*arguments, **options):
        global num_calls
        num_calls += 1
        if num_calls == number and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments, **options)
        if num_calls == number and is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return called
for owner, name in ((os, "fsync"), (os, "pwrite"), (os, "fchmod"), (os, "open"),
                    (pathlib.Path, "replace")):
    setattr(owner, name, dying(getattr(owner, name)))
"""
"""Python that ends the process at one of the calls of which a save consists."""


@dataclass(frozen=True)
class Table:
    """What all runs stream, and what a run that is never stopped answers.

    Attributes:
        model: of the artifact.
        artifact: its file.
        lines: of the table, its header first.
        answers: of the whole table, their header first.
    """

    model: Model
    artifact: Path
    lines: list[str]
    answers: list[str]

    def last_row(self, state: Path) -> int:
        """Number of the last row that a state holds, 0 for none."""
        if not state.exists():
            return 0
        stream = RowStream(self.model)
        stream.restore(state.read_bytes())
        time_us = stream.last_time_us
        return 0 if time_us is None else (time_us - START_US) // HOUR_US + 1


@dataclass(frozen=True)
class Outcome:
    """One kill.

    Attributes:
        is_killed: it came before the run was over.
        num_lost: rows answered that the state does not hold.
        faults: what is not as it should be.
    """

    is_killed: bool
    num_lost: int
    faults: tuple[str, ...]


def make_table(folder: Path, num_rows: int = NUM_ROWS) -> Table:
    """An artifact and a table of hourly weather with some holes in its cells."""
    spec = weather_spec()
    rng = np.random.default_rng(0)
    weights = random_weights(spec, rng)
    weights["layers.0.shift"] = np.array([*MEANS, 0, 0], dtype=np.float32)
    artifact = save_artifact(spec, weights, folder, ".rnne")
    lines = [",".join(("time", *COLUMNS))]
    for k in range(num_rows):
        stamp = np.datetime64(START_US + k * HOUR_US, "us").astype("datetime64[s]")
        cells = [f"{value:.1f}" for value in rng.normal(MEANS)]
        cells[k % len(cells)] = "" if k % 17 == 0 else cells[k % len(cells)]
        lines.append(",".join([f"{stamp}Z", *cells]))
    source = folder / "whole.csv"
    source.write_text("\n".join(lines) + "\n")
    whole = folder / "whole.out"
    command = ["--input", str(source), "--output", str(whole)]
    subprocess.run(
        [sys.executable, *_arguments(artifact), *command],
        check=True,
        env=_environment(),
        stderr=subprocess.DEVNULL,
    )
    model = rnnedge_runtime.load(artifact)
    return Table(model, artifact, lines, whole.read_text().splitlines())


def kill_pipe(
    table: Table, folder: Path, rng: random.Random, start: list[str] | None = None
) -> Outcome:
    """Kill a run that reads a pipe once it has answered so many rows."""
    state, every = folder / "a.state", rng.choice((1, 7, 50, None))
    options = ["--state", str(state)]
    options += ["--save-every", str(every)] if every else []
    num_answers = rng.randrange(len(table.lines))
    process = subprocess.Popen(
        [sys.executable, *_arguments(table.artifact, start), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=_environment(),
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        feeder = os.fork()
        if feeder == 0:
            _feed(process.stdin, table.lines, rng.random())
        process.stdin.close()
        found = []
        if start is None:
            for line in process.stdout:
                found.append(line)
                if len(found) > num_answers:
                    break
            time.sleep(rng.random() * 0.003)
            process.send_signal(signal.SIGKILL)
        found += process.stdout.readlines()
        process.wait()
        os.kill(feeder, signal.SIGKILL)
        os.waitpid(feeder, 0)
    answered = [line[:-1] for line in found if line.endswith("\n")]
    faults = _unlike(answered, table.answers[: len(answered)], "before the kill")
    return _go_on(
        table,
        state,
        answered,
        faults,
        every=every or 100,
        is_killed=process.returncode == -signal.SIGKILL,
    )


def kill_file(
    table: Table, folder: Path, rng: random.Random, start: list[str] | None = None
) -> Outcome:
    """Kill a run of a file into a file once it has so many bytes; then give it again."""
    state, output, source = (folder / name for name in ("a.state", "a.out", "a.csv"))
    source.write_text("\n".join(table.lines) + "\n")
    every = rng.choice((1, 7, 50, 500))
    options = ["--input", str(source), "--output", str(output), "--state", str(state)]
    options += ["--save-every", str(every)]
    size = rng.random() * sum(len(line) + 1 for line in table.answers)
    command = [sys.executable, *_arguments(table.artifact, start), *options]
    process = subprocess.Popen(
        command, stderr=subprocess.DEVNULL, env=_environment(), text=True
    )
    while start is None and process.poll() is None:
        if output.exists() and output.stat().st_size >= size:
            break
        time.sleep(0.0005)
    if start is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
    text = output.read_text() if output.exists() else ""
    answered = text.splitlines()[: text.count("\n")]
    faults = _unlike(answered, table.answers[: len(answered)], "before the kill")
    num_saved = table.last_row(state)
    num_answered = max(len(answered) - 1, 0)
    if num_saved > num_answered:
        faults.append(f"the state has {num_saved} rows, the output {num_answered}")
    again = [sys.executable, *_arguments(table.artifact), *options]
    subprocess.run(again, check=True, env=_environment(), stderr=subprocess.DEVNULL)
    faults += _unlike(output.read_text().splitlines(), table.answers, "in the end")
    faults += _left(folder, {"a.state", "a.out", "a.csv"})
    is_killed = process.returncode == -signal.SIGKILL
    return Outcome(is_killed, num_answered - num_saved, tuple(faults))


def kill_save(table: Table, folder: Path, rng: random.Random) -> Outcome:
    """End a run within a save: between writing, syncing and renaming, or after."""
    when = rng.choice(("before", "after"))
    start = [RUN_UNTIL + RUN, str(rng.randrange(1, 40)), when]
    return rng.choice((kill_pipe, kill_file))(table, folder, rng, start)


def _go_on(
    table: Table,
    state: Path,
    answered: list[str],
    faults: list[str],
    *,
    every: int,
    is_killed: bool,
) -> Outcome:
    num_saved, num_answered = table.last_row(state), max(len(answered) - 1, 0)
    if not 0 <= num_answered - num_saved <= every:
        faults.append(f"{num_saved} rows of {num_answered} saved, one in {every} due")
    rest = [table.lines[0], *table.lines[num_saved + 1 :]]
    result = subprocess.run(
        [sys.executable, *_arguments(table.artifact), "--state", str(state)],
        input="\n".join(rest) + "\n",
        capture_output=True,
        text=True,
        check=True,
        env=_environment(),
    )
    found = result.stdout.splitlines()[1:]
    faults += _unlike(found, table.answers[num_saved + 1 :], "after going on")
    faults += _left(state.parent, {state.name})
    return Outcome(is_killed, num_answered - num_saved, tuple(faults))


def _arguments(artifact: Path, start: list[str] | None = None) -> list[str]:
    code, *arguments = start or [RUN]
    return ["-c", code, *arguments, "run", str(artifact)]


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _feed(file: object, lines: Iterable[str], share_slow: float) -> None:
    """In a process of its own: write all lines, some of them after a while."""
    rng = random.Random(share_slow)
    with contextlib.suppress(BrokenPipeError):
        descriptor = file.fileno()  # type: ignore[attr-defined]
        for line in lines:
            os.write(descriptor, f"{line}\n".encode())
            if rng.random() < 0.02 * share_slow:
                time.sleep(0.002)
    os._exit(0)


def _unlike(found: list[str], expected: list[str], when: str) -> list[str]:
    if found == expected:
        return []
    pairs = enumerate(zip(found, expected, strict=False))
    first = next((k for k, (a, b) in pairs if a != b), min(len(found), len(expected)))
    return [f"{when}: {len(found)} lines of {len(expected)}, line {first} differs"]


def _left(folder: Path, expected: set[str]) -> list[str]:
    left = sorted({path.name for path in folder.iterdir()} - expected)
    return [f"left in the folder: {', '.join(left)}"] if left else []


def study(
    table: Table, *, pipes: int, files: int, saves: int, seed: int
) -> dict[str, list[Outcome]]:
    """So many kills of each kind, each in a folder of its own."""
    kinds = {
        "a pipe": (kill_pipe, pipes),
        "a file": (kill_file, files),
        "within a save": (kill_save, saves),
    }
    found: dict[str, list[Outcome]] = {}
    for name, (kill, number) in kinds.items():
        for k in range(number):
            rng = random.Random(f"{seed} {name} {k}")
            with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
                found.setdefault(name, []).append(kill(table, Path(folder), rng))
    return found


def main() -> None:
    """Print a table; exit code 1 for a fault."""
    with tempfile.TemporaryDirectory() as folder:
        table = make_table(Path(folder))
        found = study(table, pipes=NUM_PIPES, files=NUM_FILES, saves=NUM_SAVES, seed=0)
    print("| killed | kills | before the end | rows lost: most | mean | faults |")
    print("|---|---|---|---|---|---|")
    for name, outcomes in found.items():
        lost = [one.num_lost for one in outcomes]
        num_killed = sum(one.is_killed for one in outcomes)
        num_faults = sum(bool(one.faults) for one in outcomes)
        print(
            f"| {name} | {len(outcomes)} | {num_killed} | {max(lost)} | "
            f"{np.mean(lost):.1f} | {num_faults} |"
        )
    faults = [f"{n}: {f}" for n, each in found.items() for o in each for f in o.faults]
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
