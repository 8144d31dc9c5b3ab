"""Print the installed set as constraints, one `name==version` a line.

Local version labels (`torch==2.13.0+cpu`) are left out: which build of a version is
installed is the machine's choice. CMake and Ninja are installed only where the machine has none
of its own; elsewhere their pins in constraints.txt stay.
"""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"
NOT_PINNED = {"pip", "rnnedge"}
BUILD_TOOLS = {"cmake", "ninja"}

pinned = dict(line.split("==") for line in CONSTRAINTS.read_text().split())
installed = {
    distribution.name.lower().replace("_", "-"): distribution.version.partition("+")[0]
    for distribution in distributions()
}
versions = {name: pinned[name] for name in BUILD_TOOLS & pinned.keys()} | installed
for name in sorted(versions.keys() - NOT_PINNED):
    print(f"{name}=={versions[name]}")
