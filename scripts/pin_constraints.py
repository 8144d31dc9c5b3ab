"""Print the installed set as constraints, one `name==version` a line.

Local version labels (`torch==2.13.0+cpu`) are left out: which build of a version is
installed is the machine's choice.
"""

from __future__ import annotations

from importlib.metadata import distributions

NOT_PINNED = {"pip", "rnnedge"}

installed = {
    distribution.name.lower().replace("_", "-"): distribution.version.partition("+")[0]
    for distribution in distributions()
}
for name in sorted(installed.keys() - NOT_PINNED):
    print(f"{name}=={installed[name]}")
