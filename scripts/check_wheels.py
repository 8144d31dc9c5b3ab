"""Check the wheels of a folder: pip's choice among them, and the bytes that each one gives.

    python scripts/check_wheels.py FOLDER [USERLAND]

USERLAND is a folder that aarch64_userland.sh made. Without it, the wheel for aarch64 is only
looked at. Ends with 1 and a line for each thing that is wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SITE = Path(np.__file__).resolve().parent.parent
MODELS = sorted((ROOT / "runtime/core/fuzz/corpus_model").glob("*.rnne"))
VERIFIED = ROOT / "tests/golden/v1-gru.rnne"
CHOICES = {
    "manylinux2014_x86_64": "manylinux2014_x86_64",
    "manylinux_2_36_x86_64": "manylinux2014_x86_64",
    "manylinux_2_17_aarch64": "manylinux2014_aarch64",
    "manylinux_2_36_aarch64": "manylinux2014_aarch64",
    "linux_armv7l": "none-any",
    "musllinux_1_2_x86_64": "none-any",
    "macosx_14_0_arm64": "none-any",
    "win_amd64": "none-any",
}
"""What a machine says it is, and a part of the name of the wheel that it must get."""


def choice(folder: Path, platform: str) -> str:
    """The file that pip takes of those of one version, on this platform."""
    with tempfile.TemporaryDirectory() as target:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--isolated"),
            *("--disable-pip-version-check", "--no-index", "--no-deps"),
            *("--find-links", folder, "--only-binary", ":all:", "--dest", target),
            *("--python-version", "3.13", "--platform", *platforms(platform)),
            "rnnedge",
        ]
        subprocess.run([str(part) for part in command], check=True)
        (path,) = Path(target).iterdir()
        return path.name


def platforms(platform: str) -> list[str]:
    """glibc 2.36 runs what was made for 2.17; pip is told of both by hand."""
    if not platform.startswith("manylinux_2_36"):
        return [platform]
    machine = platform.removeprefix("manylinux_2_36_")
    return [platform, "--platform", f"manylinux_2_17_{machine}"]


def run(wheel: Path, python: list[str], site: Path, *command: str) -> str:
    """Standard output of Python with a wheel, numpy and click alone."""
    with tempfile.TemporaryDirectory() as target:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
        code = (
            "import runpy, sys; "
            f"sys.path += {[target, str(site)]!r}; sys.argv = {list(command)!r}; "
            + (
                "runpy.run_path(sys.argv[0], run_name='__main__')"
                if command[0].endswith(".py")
                else "from rnnedge.cli import main; main(prog_name='rnnedge')"
            )
        )
        done = subprocess.run(
            [*python, "-I", "-S", "-c", code], stdout=subprocess.PIPE, text=True
        )
        return done.stdout if done.returncode == 0 else f"exit {done.returncode}"


def main(folder: Path, userland: Path | None) -> list[str]:
    wheels = {path.name: path for path in sorted(folder.glob("rnnedge-*.whl"))}
    wrong = []
    for platform, part in CHOICES.items():
        name = choice(folder, platform)
        print(f"{platform}: pip takes {name}")
        if part not in name:
            wrong.append(f"{platform}: pip takes {name}, expected *{part}*")
    here = ([sys.executable], SITE)
    machines = {"x86_64": here, "any": here}
    if userland:
        machines["aarch64"] = ([str(userland / "python")], userland / "root/site")
    models = [str(path) for path in MODELS]
    found = {}
    for name, path in wheels.items():
        machine = next((m for m in machines if path.stem.endswith(m)), None)
        if machine is None:
            continue
        script = str(ROOT / "scripts/wheel_bytes.py")
        found[name] = run(path, *machines[machine], script, *models)
        verified = run(path, *machines[machine], "rnnedge", "verify", str(VERIFIED))
        backend = "numpy" if machine == "any" else "native"
        print(f"{name}:\n{found[name]}{verified}")
        if " 0 failed" not in verified:
            wrong.append(f"{name}: verify: {verified}")
        if found[name].count(f" {backend} ") != len(models):
            wrong.append(f"{name}: does not run all models on {backend}")
    bytes_of = {text.replace(" numpy ", " native ") for text in found.values()}
    if len(bytes_of) != 1:
        wrong.append(f"{len(bytes_of)} kinds of bytes among {len(found)} wheels")
    print(
        f"{len(found)} wheels give the same bytes of {len(models)} models" * (not wrong)
    )
    return wrong


if __name__ == "__main__":
    faults = main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None)
    for line in faults:
        print(f"check_wheels: {line}")
    sys.exit(bool(faults))
