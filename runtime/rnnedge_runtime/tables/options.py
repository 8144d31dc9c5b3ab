"""What a user says of a table where it should not be found out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """How to read a table; None or () leaves it to be found.

    Attributes:
        delimiter: one character between cells, a tab among them.
        decimal: decimal mark, "." or ",".
        encoding: of the text, as Python names it.
        skip_rows: lines before the header.
        fill_rows: a row may end early; what it lacks is missing.
        na: more words for a missing cell, beside `MISSING_WORDS`.
        missing_values: numbers that stand for a missing reading, "-999" in every column or
            "temp_c=-999" in one.
        time_format: of the time cells, in the letters of `datetime.strptime`.
        time_unit: of numbers in the time column: `s`, `ms`, `us`, `ns`, `min`, `h`, `d`.
        tz: what a time without an offset means, `UTC` or a time zone's name.
        no_time: the table has no time column; rows are one step apart.
        sort: put the rows in the order of their times.
        pivot: column of names, each of which becomes a column of its own.
        resample: `PERIOD[:mean|last|max]`, for example `10min:mean`, for rows that have no
            regular period.
        max_gap: longest hole that is filled with missing rows, for example `6h`.
        difference: counters; each becomes its change from row to row, `<name>_change`.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    skip_rows: int | None = None
    fill_rows: bool = False
    na: tuple[str, ...] = ()
    missing_values: tuple[str, ...] = ()
    time_format: str | None = None
    time_unit: str | None = None
    tz: str | None = None
    no_time: bool = False
    sort: bool = False
    pivot: str | None = None
    resample: str | None = None
    max_gap: str | None = None
    difference: tuple[str, ...] = ()
