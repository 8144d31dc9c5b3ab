"""What the tests of this folder share: tables on disk, and the commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

import rnnedge
from rnnedge.cli import main
from rnnedge.fitting import Fitted
from rnnedge.runs.folder import Run, load_run

START = np.datetime64("2024-01-01T00:00:00", "us")
SMALL = ("--hidden-size", "8", "--epochs", "2", "--quiet")
QUICK: dict[str, Any] = {"hidden_size": 8, "epochs": 2, "is_quiet": True}


def stamps(size: int, period_s: float = 3600.0, start: np.datetime64 = START) -> Any:
    steps = np.rint(np.arange(size) * period_s * 1e6).astype("timedelta64[us]")
    return start + steps


def stamp_texts(size: int, period_s: float = 3600.0, suffix: str = "") -> list[str]:
    whole = "s" if period_s >= 1 else "ms"
    texts = stamps(size, period_s).astype(f"datetime64[{whole}]").astype(str)
    return [f"{text}{suffix}" for text in texts]


def wave(size: int, *, seed: int = 0, level: float = 10.0, noise: float = 0.3) -> Any:
    """A daily sine of height 3 with noise."""
    rng = np.random.default_rng(seed)
    return (
        level + 3 * np.sin(np.arange(size) * np.pi / 12) + noise * rng.normal(size=size)
    )


def write(path: Path, header: str, *columns: Sequence[Any]) -> Path:
    lines: Iterable[str] = (
        ",".join(map(str, row)) for row in zip(*columns, strict=True)
    )
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def command(*arguments: object) -> tuple[int, str]:
    """Exit code and all that a user sees of `rnnedge ...`."""
    found = CliRunner().invoke(main, [str(a) for a in arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.output


def train(path: object, target: str, *options: object) -> tuple[str, Run]:
    """Output and run of `rnnedge train`, which must succeed, in `<folder>/run`."""
    out = Path(str(path)).parent / "run"
    code, text = command(
        "train", path, "--target", target, "--out", out, *SMALL, *options
    )
    assert code == 0, text
    return text, load_run(out)


def refused(path: Path, target: str, *options: object) -> str:
    code, text = command(
        "train", path, "--target", target, "--out", path.parent / "no", *SMALL, *options
    )
    assert code != 0
    assert text.startswith("DataError"), text
    return text


def fit(path: object, target: str, out: Path, **choices: Any) -> Fitted:
    return rnnedge.fit(path, target=target, out=out, **{**QUICK, **choices})


def over_persistence(fitted: Fitted) -> np.ndarray:
    """`[O]` the network's error on the test part over that of persistence."""
    scores = fitted.evaluation.scores["test"]
    pairs = zip(scores["network"], scores["persistence"], strict=True)
    return np.array([one.mae / base.mae for one, base in pairs if one and base])
