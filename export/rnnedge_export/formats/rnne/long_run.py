"""The proof of a long run that an `.rnne` file carries (docs/format.md, section `LONG`)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.rnne_file import read_sections
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine

from ...compare.runs import run_through
from .writing import generate_inputs

_HEADER = struct.Struct("<II32s")


@dataclass(frozen=True, slots=True)
class LongRun:
    """Inputs that an integer generator gives, and the hash of their outputs.

    Attributes:
        num_steps: T.
        seed: of the generator.
        sha256: of the little-endian float32 outputs `[T, O]`.
        base: `[I]`, with `span` `[I]` the range of each input.
        span: see `base`.
    """

    num_steps: int
    seed: int
    sha256: bytes
    base: NDArray[np.float32]
    span: NDArray[np.float32]

    def is_repeated_by(self, engine: Engine, spec: ModelSpec) -> bool:
        """Whether an engine gives the recorded bytes."""
        x = generate_inputs(self.seed, self.num_steps, self.base, self.span)
        y = run_through(engine, spec, x).astype("<f4")
        return hashlib.sha256(y.tobytes()).digest() == self.sha256


def read_long_run(path: Path, spec: ModelSpec) -> LongRun | None:
    """The proof in an `.rnne` file; None where it has none.

    Raises:
        FormatError: its size is not that of the model.
    """
    section = read_sections(path.read_bytes(), where=path.name).get(b"LONG")
    if section is None:
        return None
    if len(section) != _HEADER.size + 8 * spec.input_size:
        raise FormatError(
            f"{path.name}: section LONG has {len(section)} bytes, expected "
            f"{_HEADER.size + 8 * spec.input_size}. Export the model again."
        )
    num_steps, seed, sha256 = _HEADER.unpack_from(section)
    ranges = np.frombuffer(section, "<f4", offset=_HEADER.size).astype(np.float32)
    base, span = ranges.reshape(2, spec.input_size)
    return LongRun(num_steps, seed, sha256, base, span)
