"""Start-up time and memory of one way, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .ways import START_S, Way

# The peak of the process itself: ru_maxrss would count the process that started it.
_PROBE = """
import json, sys, time
started = time.perf_counter()
import numpy
after_numpy = time.perf_counter()
path, size, time_s, code = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
x = numpy.zeros(size, numpy.float32)
exec(code, {"path": path, "x": x, "time": time_s})
ended = time.perf_counter()
try:
    lines = open("/proc/self/status").read().splitlines()
    peak_kb = int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
except (OSError, StopIteration):
    import resource
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([ended - after_numpy, after_numpy - started, peak_kb / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process needs from `import numpy` to the first step.

    Attributes:
        start_ms: from the end of `import numpy` to the first output.
        numpy_ms: of `import numpy` itself.
        peak_mb: peak resident memory, Python and NumPy included.
    """

    start_ms: float
    numpy_ms: float
    peak_mb: float


def measure(way: Way | None, path: Path, num_features: int, *, runs: int) -> Footprint:
    """The median over several processes; without a `way`, of numpy alone."""
    code = way.start if way else ""
    arguments = [str(path), str(num_features), str(START_S), code]
    command = [sys.executable, "-c", _PROBE, *arguments]
    found = []
    for _ in range(runs):
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(result.stdout.splitlines()[-1]))
    start_s, numpy_s, peak_mb = (
        sorted(column)[runs // 2] for column in zip(*found, strict=True)
    )
    return Footprint(1e3 * start_s, 1e3 * numpy_s, peak_mb)
