"""Put the page together: a model as WebAssembly, the weather at Newark, and the page.

    python examples/browser/build.py                 trains a small network first, half a minute
    python examples/browser/build.py runs/weather    or takes a training run
    python examples/browser/build.py dist/jfk.wasm   or what `rnnedge export` wrote

Then `python -m http.server --directory build/browser`, and open http://localhost:8000. The
folder needs nothing from the network; any server of plain files will do.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

import rnnedge
from rnnedge.data.tables.loading import load_dataset

HERE = Path(__file__).parent
PAGE = ("index.html", "style.css", "page.js", "chart.js", "replay.js")
HOURS = 24 * 100  # from the end of the year
TARGET, HORIZON = "temp_c", 6


def train(folder):
    """A network of 32 units on the weather at JFK."""
    weather = rnnedge.datasets.weather("jfk")
    fitted = rnnedge.fit(
        weather,
        target=TARGET,
        horizon=HORIZON,
        hidden_size=32,
        epochs=15,
        out=folder / "run",
        overwrite=True,
    )
    return fitted.run


def put_model(model, out):
    """`model.wasm` and `model.js` in `out`, of a run, its folder, or a module."""
    if isinstance(model, Path) and model.suffix == ".wasm":
        shutil.copyfile(model, out / "model.wasm")
        shutil.copyfile(model.with_suffix(".js"), out / "model.js")
    else:
        rnnedge.export(model, formats="wasm", out=out, name="model")


def readings(station):
    """Rows of [time, readings...] on the hour, None where one is missing, and the columns."""
    dataset = load_dataset(rnnedge.datasets.weather(station), targets=(TARGET,))
    series = dataset.series[0]
    rows = [
        [int(time), *(None if np.isnan(v) else float(str(v)) for v in row)]
        for time, row in zip(series.time, series.values.astype(np.float32), strict=True)
    ]
    return ["time", *dataset.columns], rows[-HOURS:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/browser"))
    chosen = parser.parse_args()
    out = chosen.out
    out.mkdir(parents=True, exist_ok=True)
    put_model(chosen.model or train(out.with_name(f"{out.name}-training")), out)
    columns, rows = readings("ewr")
    content = {"place": "Newark", "columns": columns, "rows": rows}
    text = json.dumps(content, separators=(",", ":"))
    (out / "weather.json").write_text(text, encoding="utf-8")
    for name in PAGE:
        shutil.copyfile(HERE / name, out / name)
    print(f"{out}: {sum(p.stat().st_size for p in out.iterdir()) / 1024:.0f} KB")
    print(f"Next: python -m http.server --directory {out}")


if __name__ == "__main__":
    main()
