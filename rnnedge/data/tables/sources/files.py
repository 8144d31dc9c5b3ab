"""From the name of data to tables: files, folders and patterns, each kind by its ending."""

from __future__ import annotations

import dataclasses
import glob
import io
from pathlib import Path
from typing import Any

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.layouts.registry import find_objects
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.cell_text import empty_error
from rnnedge_runtime.tables.text.number_rules import table_rules

from ..table import Table, read_table, table_of_text, with_rows
from ..values.excel import excel_text
from ..values.text import text_of_file, unreadable
from .frames import is_frame, tables_of_frames
from .objects import table_of_objects

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".log")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson", ".senml")
PARQUET_SUFFIXES = (".parquet", ".pq")
EXCEL_SUFFIXES = (".xlsx", ".xlsm", ".xls")
_HEAD = 65_536


def read_tables(source: Any, options: TableOptions) -> list[Table]:
    """The tables of a source (`load_dataset`).

    Raises:
        DataError: a file is missing, of an unknown kind or unreadable; not a table.
    """
    if isinstance(source, str | Path):
        source = [source]
    if isinstance(source, list | tuple) and all(
        isinstance(item, str | Path) for item in source
    ):
        if not source:
            raise DataError(
                "load_dataset: the list of tables is empty. Name at least one file."
            )
        paths = [path for item in source for path in find_files(item)]
        return _with_own_names([read_file(path, options) for path in paths])
    return tables_of_frames(source, options)


def find_files(item: str | Path) -> list[Path]:
    """The files that a path, a folder or a pattern names.

    Raises:
        DataError: there is none.
    """
    path = Path(item).expanduser()
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.is_file() and _kind(p))
        if not found:
            raise DataError(
                f"{path}: the folder holds no table, expected files that end in "
                f"{_known_endings()}. Name another folder, or a pattern."
            )
        return found
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    anchor = Path(path.anchor)
    found = sorted(
        p for p in anchor.glob(str(path.relative_to(anchor))) if not p.is_dir()
    )
    if not found:
        raise DataError(
            f"{item}: no file matches this pattern. Check the folder and the ending."
        )
    return found


def read_file(path: Path, options: TableOptions) -> Table:
    """The table in one file.

    Raises:
        DataError: the file is missing, of an unknown kind, unreadable or without rows.
        MissingDependencyError: an Excel file, and openpyxl is not installed.
    """
    where, stem = str(path), Path(path.name.removesuffix(".gz")).stem
    if not path.is_file():
        raise DataError(
            f"{path}: the file does not exist, expected a table of readings. "
            "Give a file, a folder, or a pattern such as 'data/*.csv'."
        )
    kind = _kind(path)
    if kind == PARQUET_SUFFIXES:
        polars = require("polars", extra="train", purpose="Reading Parquet")
        try:
            frame = polars.read_parquet(path)
        except (OSError, polars.exceptions.PolarsError) as error:
            raise unreadable(path, error) from None
        columns = {series.name: series for series in frame.get_columns()}
        rules = table_rules(options, list(columns), where=where)
        return with_rows(Table(where, stem, columns, rules=rules))
    if kind == EXCEL_SUFFIXES:
        text, notes = excel_text(path)
        plain = dataclasses.replace(options, delimiter=",", decimal=".", encoding=None)
        table = table_of_text(text, where=where, stem=stem, options=plain)
        return dataclasses.replace(table, notes=(*notes, *table.notes), found={})
    if kind not in (TEXT_SUFFIXES, JSON_SUFFIXES):
        raise DataError(
            f"{path}: the ending '{path.suffix}' is not one of {_known_endings()}. "
            "Save the readings as CSV or Parquet, or rename the file."
        )
    if kind == JSON_SUFFIXES or _may_be_objects(path):
        text = "".join(text_of_file(path, options)[0])
        objects, _ = find_objects(io.StringIO(text), where=where)
        if objects is not None:
            table = table_of_objects(objects, where=where, stem=stem, options=options)
            return with_rows(table)
        if not text.strip():
            raise empty_error(where=where)
        if kind == JSON_SUFFIXES:
            raise DataError(
                f"{path}: the file does not start as JSON does, with a brace or a "
                "bracket. Check the file, or rename it."
            )
    return read_table(path, options)


def _kind(path: Path) -> tuple[str, ...] | None:
    name = path.name.lower()
    kinds: tuple[tuple[str, ...], ...] = (TEXT_SUFFIXES, JSON_SUFFIXES)
    if name.endswith(".gz"):
        name = name.removesuffix(".gz")
    else:
        kinds = (*kinds, PARQUET_SUFFIXES, EXCEL_SUFFIXES)
    return next((kind for kind in kinds if name.endswith(kind)), None)


def _known_endings() -> str:
    plain = TEXT_SUFFIXES + JSON_SUFFIXES + PARQUET_SUFFIXES + EXCEL_SUFFIXES[:2]
    return ", ".join(plain)


def _may_be_objects(path: Path) -> bool:
    """Whether a text file starts as JSON or InfluxDB's CSV do, as far as its bytes tell."""
    if path.suffix.lower() == ".gz":
        return True
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        return False
    return find_objects(io.StringIO(head), where=str(path))[0] is not None


def _with_own_names(tables: list[Table]) -> list[Table]:
    """Tables whose stems differ: those of one stem get the names of their files."""
    stems = [table.stem for table in tables]
    return [
        table
        if stems.count(table.stem) == 1
        else dataclasses.replace(table, stem=Path(table.where).name)
        for table in tables
    ]


def name_of(source: Any) -> str:
    """A short name for the data, for its run folder: of the file, folder or pattern."""
    if isinstance(source, list | tuple) and source:
        source = source[0]
    if not isinstance(source, str | Path) or is_frame(source):
        return "table"
    path = Path(source).expanduser().absolute()
    while glob.has_magic(path.name) and not path.exists() and path != path.parent:
        path = path.parent
    if path.is_dir():
        return path.name or "run"
    return path.name.split(".")[0] or "run"
