"""The sources of the C core as object files, for tests that look into machine code."""

from __future__ import annotations

from pathlib import Path

from support import programs
from support.programs import require
from support.replay import CORE

SOURCES = sorted((CORE / "src").glob("*/*.c"))


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = programs.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def objects(
    compiler: str, folder: Path, *flags: str, names: tuple[str, ...] = ()
) -> list[Path]:
    """Object files of the sources of these names without ending; by default of all."""
    require(compiler)
    sources = [source for source in SOURCES if not names or source.stem in names]
    assert len(sources) == len(names or SOURCES)
    run(compiler, *flags, "-c", f"-I{CORE / 'include'}", *sources, cwd=folder)
    return [folder / source.with_suffix(".o").name for source in sources]
