"""What all pictures share: figures, colours, axes of time, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.scores import NETWORK
from rnnedge_runtime.errors import DataError, require

COLORS = {
    NETWORK: "#0b6e4f",
    "persistence": "#9a9a9a",
    "seasonal_naive": "#d9a404",
    "ridge_ar": "#b5446e",
}
ENDINGS = (".png", ".svg", ".pdf")


def time_axis(axis: Any, time_us: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Prepare an axis for times, from microseconds to centuries; the times to plot."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8, interval_multiples=True)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    return time_us.astype("datetime64[us]")


def color_of(name: str) -> str:
    """The colour of a forecaster; grey for one that has none of its own."""
    return COLORS.get(name, "#7a7a7a")


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure of panels and their axes `[rows, columns]`; size in inches."""
    require("matplotlib", extra="train", purpose="Drawing the plots of a run")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def legend_above(axis: Any, *, title: str = "") -> None:
    """A title on the left and the legend on the right, both above what is drawn."""
    axis.legend(
        frameon=False,
        ncols=len(axis.get_lines()),
        loc="lower right",
        bbox_to_anchor=(1, 0.98),
        borderaxespad=0,
    )
    if title:
        axis.set_title(title, loc="left", fontsize="medium")


def check_picture(path: Path) -> None:
    """Raise before any work where no picture could be written to `path`.

    Raises:
        DataError: the ending is no kind of picture, or the folder does not exist.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        raise DataError(
            f"{path}: its ending is '{path.suffix}', expected one of "
            f"{', '.join(ENDINGS)}. Name the picture so."
        )
    if not path.absolute().parent.is_dir():
        raise DataError(
            f"{path}: the folder for the picture does not exist. Create it first."
        )
    require("matplotlib", extra="train", purpose="Drawing a picture")


def save(figure: Any, path: Path) -> None:
    """Write the picture.

    Raises:
        DataError: the file cannot be written, or its ending is no kind of picture.
    """
    check_picture(path)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise DataError(
            f"{path}: the picture cannot be written: {error.strerror}. "
            "Name a file in a folder that you may write to."
        ) from None
