"""Write the locks: every file that pip may install for constraints.txt, by SHA-256.

    python scripts/pin_hashes.py

writes locks/device.txt (the install without extras) and locks/all.txt (everything that
constraints.txt pins but torch, whose build is the machine's choice) for Linux on x86_64 and
aarch64 and each Python of pyproject.toml. pip itself is asked, once for each of these; it
downloads nothing but metadata, from version 23.3 on.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
NOT_LOCKED = {"torch"}
GLIBC = (17, 27, 28)
MACHINES = ("x86_64", "aarch64")
LEGACY = ("manylinux2014", "manylinux2010", "manylinux1")
HEAD = """\
# {what}: Linux on {machines}, Python {pythons}.
# Written by scripts/pin_hashes.py. To use it:
#   python -m pip install --require-hashes --only-binary :all: -r locks/{name}
"""


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pythons() -> list[str]:
    prefix = r"Programming Language :: Python :: (3\.\d+)"
    matches = (re.fullmatch(prefix, line) for line in project()["classifiers"])
    return [match[1] for match in matches if match]


def locked() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return [line for line in lines if line.partition("==")[0] not in NOT_LOCKED]


def ask(requirements: list[str], machine: str, python: str) -> dict[str, str]:
    """`name==version` to SHA-256 of the file that pip installs there."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC]
    platforms += [f"{name}_{machine}" for name in LEGACY] + [f"linux_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"),
            *("--disable-pip-version-check", "--no-deps", "--ignore-installed"),
            *("--only-binary", ":all:", "--python-version", python, "--target", folder),
            *(part for name in platforms for part in ("--platform", name)),
            *("--report", str(report), *requirements),
        ]
        subprocess.run(command, check=True)
        items = json.loads(report.read_text())["install"]
    found = {}
    for item in items:
        name = canonicalize_name(item["metadata"]["name"])
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        found[f"{name}=={item['metadata']['version']}"] = digest
    return found


def write(name: str, what: str, hashes: dict[str, set[str]]) -> None:
    head = HEAD.format(
        what=what,
        name=name,
        machines=" and ".join(MACHINES),
        pythons=", ".join(pythons()),
    )
    parts = [
        " \\\n".join(
            [pin, *(f"    --hash=sha256:{digest}" for digest in sorted(found))]
        )
        for pin, found in sorted(hashes.items())
    ]
    LOCKS.mkdir(exist_ok=True)
    (LOCKS / name).write_text(head + "\n".join(parts) + "\n")


def check_pip() -> None:
    """Older ones would download every file, hundreds of megabytes for each platform."""
    if Version(version("pip")) < Version("23.3"):
        sys.exit(
            f"pin_hashes: pip {version('pip')} is here, expected 23.3 or newer. "
            f"Upgrade it: {sys.executable} -m pip install --upgrade pip"
        )


if __name__ == "__main__":
    check_pip()
    files: dict[str, set[str]] = defaultdict(set)
    for machine in MACHINES:
        for python in pythons():
            print(f"asking pip: {machine}, Python {python}", file=sys.stderr)
            for pin, digest in ask(locked(), machine, python).items():
                files[pin].add(digest)
    base = {
        canonicalize_name(Requirement(line).name) for line in project()["dependencies"]
    }
    device = {pin: found for pin, found in files.items() if pin.split("==")[0] in base}
    write("device.txt", "rnnedge without extras", device)
    write("all.txt", "All of constraints.txt but torch", files)
