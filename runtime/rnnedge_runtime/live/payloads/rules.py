"""How bytes are read as readings: what a model wants, and what a place was told."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import DataError
from ...spec.model_spec import ModelSpec
from ...tables.times.zone import zone_of_name
from ..place_options import Options
from .faults import quoted
from .templates import Template, template_of
from .times import PRECISIONS, TimeRules

FORMATS = ("number", "json", "senml", "influx", "csv")
"""What bytes may hold; `influx` is the line protocol."""


@dataclass(frozen=True, slots=True)
class PayloadRules:
    """How bytes are read.

    Attributes:
        units: of the features by name; "" where unknown.
        format: one of `FORMATS`; "": found from the first bytes.
        series: names the series; None: as the format names it.
        feature: names the feature of a lone number; None: the only one, or the last part
            of the topic.
        times: how times are read.
        rename: features by the names that come.
        names: of the columns of CSV.
        delimiter: of CSV.
        wanted: names to look for, with the feature that each is, renamed ones first.
    """

    units: Mapping[str, str]
    format: str = ""
    series: Template | None = None
    feature: Template | None = None
    times: TimeRules = field(default_factory=TimeRules)
    rename: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    delimiter: str = ","
    wanted: tuple[tuple[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        own = [(name, name) for name in self.units if name not in self.rename]
        object.__setattr__(self, "wanted", (*self.rename.items(), *own))


def take_rules(
    options: Options, spec: ModelSpec, *, format: str = "", series: str = ""
) -> PayloadRules:
    """The rules that a place was given, with the options that all places have.

    Args:
        options: `format`, `series`, `feature`, `time`, `precision`, `zone`, `rename`,
            `names` and `delimiter` are taken from them.
        spec: of the model.
        format: where none is given.
        series: template where none is given; "": as the format names it.

    Raises:
        DataError: an option is not what it must be.
    """
    units = {feature.name: feature.unit for feature in spec.features}
    series = options.text("series", series)
    feature = options.text("feature")
    zone = options.text("zone", spec.clock)
    delimiter = options.text("delimiter", ",")
    rename = options.mapping("rename")
    for given in rename.values():
        if given not in units:
            close = difflib.get_close_matches(given, list(units), n=1)
            advice = f"Did you mean {quoted(close[0])}?" if close else "Choose one."
            raise DataError(
                f"{options.where}: the option 'rename' gives {quoted(given)}, but the "
                f"features of the model are {', '.join(units)[:200]}. {advice}"
            )
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError(
            f"{options.where}: the option 'delimiter' is {quoted(delimiter)}, expected "
            "one character. Write for example ';'."
        )
    return PayloadRules(
        units,
        options.choice("format", ("", *FORMATS), format),
        template_of(series, where=options.where, option="series") if series else None,
        template_of(feature, where=options.where, option="feature")
        if feature
        else None,
        TimeRules(
            options.text("time"),
            options.choice("precision", ("", *PRECISIONS), ""),
            zone_of_name(zone, option=f"{options.where}: zone") if zone else None,
        ),
        rename,
        options.words("names"),
        delimiter,
    )
