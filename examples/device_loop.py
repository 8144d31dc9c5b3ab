"""A device's main loop: read sensors, step, publish, survive a restart.

Reads `unix time,value,value,...` from standard input; a value left empty is held.
"""

import sys
from pathlib import Path

import rnnedge_runtime

model = rnnedge_runtime.load(sys.argv[1])
state = Path(sys.argv[2] if len(sys.argv) > 2 else "device.state")
stream = model.stream()
if state.exists():
    stream.restore(state.read_bytes())  # refused when it is another model's

for line in sys.stdin:
    time, *sensors = (float(cell or "nan") for cell in line.strip().split(","))
    y = stream.step(sensors, time=int(time))
    forecasts = zip(model.spec.outputs, y, strict=True)
    print(
        ", ".join(f"{out.name} {v:.2f} {out.unit}" for out, v in forecasts), flush=True
    )
    fresh = state.with_suffix(".new")
    fresh.write_bytes(stream.snapshot())
    fresh.replace(state)  # atomic: a power cut leaves the old state or the new one
