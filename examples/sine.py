"""The textbook case: an RNN of 20 units learns the next value of a noisy sine wave, is
exported, streamed, and then runs free for 100 steps on its own outputs."""

import sys
from pathlib import Path

import numpy as np
import polars
from matplotlib.figure import Figure

import rnnedge

out = Path(sys.argv[1] if len(sys.argv) > 1 else "sine")
t = np.arange(2000)
wave = np.sin(2 * np.pi * t / 40) + 0.02 * np.random.default_rng(0).normal(size=t.size)

table = polars.DataFrame({"y": wave})
fitted = rnnedge.fit(
    table, target="y", cell="rnn", hidden_size=20, epochs=30, out=out, overwrite=True
)
rnnedge.export(fitted.run, formats=("onnx",), out=out, name="sine")

stream = rnnedge.load(out / "sine.onnx").stream()
forecasts = stream.run(wave[:, None])[:, 0]  # one step ahead of every value
free = stream.forecast(100)[:, 0]  # and 100 steps on its own outputs
ideal = np.sin(2 * np.pi * (t[-1] + 1 + np.arange(100)) / 40)
print(f"one step ahead: MAE {np.abs(forecasts[:-1] - wave[1:]).mean():.4f}")
print(f"100 steps free: MAE {np.abs(free - ideal).mean():.4f}")

figure = Figure(figsize=(9, 3.5), layout="constrained")
axis = figure.subplots()
axis.plot(t[-120:], wave[-120:], "k", label="actual")
axis.plot(t[-120:] + 1, forecasts[-120:], "C2--", label="one step ahead")
axis.plot(t[-1] + 1 + np.arange(100), free, "C3", label="free run of 100 steps")
axis.set_ylim(-1.6, 1.3)
axis.legend(frameon=False, ncols=3, loc="lower left")
figure.savefig(out / "sine.png", dpi=110)
print(f"picture: {out / 'sine.png'}")
