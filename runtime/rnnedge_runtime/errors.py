"""The one tree of errors, shared by the three packages.

    RnnEdgeError
    ├── SpecError                 a model description that cannot be built or streamed
    ├── ShapeError                an array of the wrong shape (also a ValueError)
    ├── FormatError               a file that is cut short, changed, too new or not ours
    ├── DataError                 a table the reader or the trainer cannot use
    ├── StateError                a snapshot of another model, a stream used twice at once
    ├── NonFiniteError            NaN or infinity where the spec rejects it
    ├── ParityError               two engines disagree beyond the limit
    ├── BoardError                an image that does not build, or fails in its emulator
    ├── BudgetError               a model that does not fit a board's memory
    └── MissingDependencyError    an extra is not installed (also an ImportError)

Every message reads `<Where>: <what was found against what was expected>. <What to do>.`
"""

from __future__ import annotations

import gc
import importlib
from types import ModuleType


class RnnEdgeError(Exception):
    """Base of all errors raised on purpose; the command line prints these bare."""


class SpecError(RnnEdgeError):
    """A ModelSpec, or a module to be captured as one, cannot be built or streamed."""


class ShapeError(RnnEdgeError, ValueError):
    """An array has the wrong number of axes or values."""


class FormatError(RnnEdgeError):
    """A file or snapshot is cut short, changed, of a newer version or not ours."""


class DataError(RnnEdgeError):
    """A table of readings cannot be used; the message names the column and the row.

    Attributes:
        reason: in a few words, where one row alone is at fault and others may follow.
    """

    def __init__(self, *args: object, reason: str = "") -> None:
        super().__init__(*args)
        self.reason = reason


class StateError(RnnEdgeError):
    """A state belongs to another model, or a stream is used by two threads at once."""


class NonFiniteError(RnnEdgeError):
    """A reading is missing or not plausible and its feature's policy is `reject`."""


class ParityError(RnnEdgeError):
    """Two engines of one model differ by more than the limit in `tolerances.py`."""


class BoardError(RnnEdgeError):
    """C source does not compile for a board, or its program fails in the emulator."""


class BudgetError(RnnEdgeError):
    """A model needs more flash or RAM than a board has; the message says what would fit."""


class MissingDependencyError(RnnEdgeError, ImportError):
    """A package of an optional extra is not installed."""


def file_error(where: str, offset: int, found: str) -> FormatError:
    """What the C core says of a file: `found` at byte `offset` of the file `where`."""
    return FormatError(
        f"{where}: at byte {offset:,}: {found}. "
        "Copy the file again as binary, or export the model again."
    )


def unfit_file(
    where: str, found: str, *, cause: str = "not written by rnnedge"
) -> FormatError:
    """The error of an artifact that was `cause`, as `found` in it shows."""
    return FormatError(f"{where}: {found}. The file was {cause}; export it again.")


def too_new(what: str, version: object, newest: int) -> FormatError:
    """The error of bytes whose version only later rnnedges read."""
    return FormatError(
        f"{what} {version} is newer than version {newest}, which this rnnedge reads. "
        "Upgrade with: pip install --upgrade rnnedge."
    )


def first_line(error: Exception) -> str:
    """What `error` of another package says first, without its full stop."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error) else "no reason"


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or raise MissingDependencyError naming the extra to install.

    Args:
        module: dotted name of the module to import.
        extra: the extra of the `rnnedge` distribution that brings it.
        purpose: what needs it, as the start of a sentence ("Reading Parquet").

    Raises:
        MissingDependencyError: the module is not installed.
    """
    is_collecting = gc.isenabled()
    gc.disable()  # what a package makes stays: looking for garbage in it is time lost
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise MissingDependencyError(
            f"{purpose}: the package '{missing}' is not installed. "
            f"Install it with: pip install 'rnnedge[{extra}]'."
        ) from None
    finally:
        if is_collecting:
            gc.enable()
