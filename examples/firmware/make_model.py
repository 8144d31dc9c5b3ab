"""What the firmware is built of: the model as C, and hours of weather for the sensor.

    python examples/firmware/make_model.py FOLDER

Writes weather.c, weather.h, rnnedge_f32.h and recorded.h into FOLDER. The model is weather.rnne
beside this script; make your own C with `rnnedge export RUN --format c --name weather`.
"""

import sys
from pathlib import Path

import numpy as np

import rnnedge
from rnnedge.data.tables.loading import load_dataset
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_runtime.formats.rnne_file import read_rnne

MODEL = Path(__file__).with_name("weather.rnne")
HOURS = 24 * 14
MISSING = 65535


def recorded(columns):
    """C of the last HOURS at Newark: tenths above -100, so that they are small integers."""
    dataset = load_dataset(rnnedge.datasets.weather("ewr"), targets=("temp_c",))
    series = dataset.series[0]
    order = [dataset.columns.index(name) for name in columns]
    values = series.values[-HOURS:, order].astype(np.float64)
    tenths = np.nan_to_num(np.rint(values * 10) + 1000, nan=MISSING).astype(int)
    rows = ",\n".join("    {" + ", ".join(map(str, row)) + "}" for row in tenths)
    return (
        "/* Hourly weather at Newark, 2013 (CC0); column by column as weather.h says. */\n"
        "#ifndef RECORDED_H\n#define RECORDED_H\n\n#include <stdint.h>\n\n"
        f"#define RECORDED_START {int(series.time[-HOURS])}\n"
        f"#define RECORDED_HOURS {HOURS}\n"
        f"#define RECORDED_MISSING {MISSING}u\n\n"
        "/* (value - 1000) / 10 is the reading. */\n"
        f"static const uint16_t recorded[{HOURS}][{len(columns)}] = {{\n{rows}}};\n\n#endif\n"
    )


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    metadata, weights = read_rnne(MODEL)[:2]
    files = dict(generate_source(metadata, weights, "weather").files)
    files["recorded.h"] = recorded(metadata.spec.feature_names)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
