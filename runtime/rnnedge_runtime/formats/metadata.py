"""What every artifact says of itself: spec, digest, numerics, golden vectors.

Kept as a flat dict of text by key, so that the same text fits ONNX `metadata_props` and
TorchScript extra files (docs/format.md, "Metadata").
"""

from __future__ import annotations

import base64
import io
import json
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import State
from ..errors import FormatError, unfit_file
from ..spec.model_spec import ModelSpec
from ..spec.spec_json import check_format_version, spec_from_json, spec_to_json
from ..tolerances import GOLDEN_STEPS
from .frame_snapshot import unpack_frame
from .snapshot import pack_snapshot, unpack_snapshot

KEY_VERSION = "rnnedge.format_version"
KEY_SPEC = "rnnedge.spec"
KEY_DIGEST = "rnnedge.digest"
KEY_NUMERICS = "rnnedge.numerics"
KEY_GOLDEN = "rnnedge.golden"
KEY_PRODUCER = "rnnedge.producer"
KEY_LIMITS = "rnnedge.limits"
KEY_SHA256 = "rnnedge.sha256"

FORMAT_VERSION = 1  # of what an artifact carries beside its spec
FORMAT_VERSION_TEXT = "1"
_EXTRA = "/extra/"
LARGEST_RATIO = 32
"""Bytes of what a TorchScript file holds by bytes of the file; only its code is compressed."""

_DIGEST = re.compile("[0-9a-f]{64}")
_NUMERICS = re.compile("[a-z0-9.]{1,16}")
_VERSION = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Golden:
    """Recorded steps from the initial state: what came out when the model was exported.

    Attributes:
        x: `[T, I]` float32 model inputs, finite, derived columns included.
        y: `[T, O]` float32 outputs.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine may differ by from the outputs of PyTorch, in the outputs' units.

    Attributes:
        golden: `[O]` on the golden steps.
        carried: `[O]` on the stream of the export; infinite where the network amplifies
            rounding without bound.
    """

    golden: NDArray[np.float32]
    carried: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Metadata:
    """The description every artifact of a model carries.

    Attributes:
        spec: the model's description.
        digest: SHA-256 (hex) that identifies the model (`weights.model_digest`).
        numerics: name of the arithmetic, `f32.v1`.
        golden: recorded steps.
        producer: name and version of the writer.
        int8_judgement: what the export of integers was judged on, as JSON; "" for none.
        limits: what the proof of the export allowed; None in integers, and in files from
            before it was recorded.
    """

    spec: ModelSpec
    digest: str
    numerics: str
    golden: Golden
    producer: str
    int8_judgement: str = ""
    limits: Limits | None = None

    @property
    def is_integer(self) -> bool:
        """Whether the model computes in integers."""
        from ..numerics.w8a16 import INTEGER_NUMERICS

        return self.numerics == INTEGER_NUMERICS

    def pack(self, num_steps: int, state: State) -> bytes:
        """The snapshot of one stream's tensors, in the order of `ModelSpec.state`."""
        return pack_snapshot(self.digest, self.numerics, num_steps, state)

    def unpack(self, blob: bytes) -> tuple[int, State]:
        """Step count and tensors of a snapshot (`snapshot.unpack_snapshot`).

        Rows that wait for the rest of their frame are left out.
        """
        return unpack_snapshot(
            unpack_frame(blob, self.spec)[0],
            self.spec.state,
            digest=self.digest,
            numerics=self.numerics,
        )


def metadata_to_text(metadata: Metadata) -> dict[str, str]:
    """The dict of text to store in an artifact."""
    golden = {
        "num_steps": len(metadata.golden.x),
        "x": _encode(metadata.golden.x),
        "y": _encode(metadata.golden.y),
    }
    limits = limits_to_json(metadata.limits)
    return {
        KEY_VERSION: FORMAT_VERSION_TEXT,
        KEY_SPEC: spec_to_json(metadata.spec),
        KEY_DIGEST: metadata.digest,
        KEY_NUMERICS: metadata.numerics,
        KEY_GOLDEN: json.dumps(golden, separators=(",", ":"), sort_keys=True),
        KEY_PRODUCER: metadata.producer,
        **({KEY_LIMITS: limits} if limits else {}),
    }


def metadata_from_text(text: Mapping[str, str], *, where: str) -> Metadata:
    """The Metadata of an artifact.

    Raises:
        FormatError: not an artifact of rnnedge, a newer version, or a damaged field.
    """
    if KEY_VERSION not in text:
        raise FormatError(
            f"{where}: the file carries no rnnedge description. It was not written by "
            "rnnedge; export the model with `rnnedge export`."
        )
    version = text[KEY_VERSION]
    is_number = _VERSION.fullmatch(version) is not None
    check_format_version(
        int(version) if is_number else version, where=where, newest=FORMAT_VERSION
    )
    missing = [
        key
        for key in (KEY_SPEC, KEY_DIGEST, KEY_NUMERICS, KEY_GOLDEN)
        if key not in text
    ]
    if missing:
        found = f"the description lacks {', '.join(missing)}"
        raise unfit_file(where, found, cause="changed")
    spec = spec_from_json(text[KEY_SPEC], where=where)
    digest, numerics = text[KEY_DIGEST], text[KEY_NUMERICS]
    if not _DIGEST.fullmatch(digest):
        found = f"the digest {digest[:80]!r} is not 64 lower-case hex digits"
        raise unfit_file(where, found)
    if not _NUMERICS.fullmatch(numerics):
        found = f"{numerics[:40]!r} is not the name of an arithmetic"
        raise unfit_file(where, found)
    return Metadata(
        spec=spec,
        digest=digest,
        numerics=numerics,
        golden=_golden_from_text(text[KEY_GOLDEN], spec, where=where),
        producer=text.get(KEY_PRODUCER, ""),
        limits=limits_from_json(text.get(KEY_LIMITS, ""), spec, where=where),
    )


def check_golden(golden: Golden, spec: ModelSpec, *, where: str) -> Golden:
    """`golden`, when it is enough to prove a model on.

    Raises:
        FormatError: fewer than GOLDEN_STEPS steps, or a number that is not finite; inputs of
            a model that takes missing readings may be NaN.
    """
    num_steps, found = len(golden.x), ""
    if num_steps < GOLDEN_STEPS:
        steps = f"{num_steps or 'no'} recorded steps"
        found = f"the artifact has {steps}, expected {GOLDEN_STEPS} or more"
    for name, values in (("outputs", golden.y), ("inputs", golden.x)):
        is_odd = ~np.isfinite(values).all(axis=1)
        if is_odd.any() and not (name == "inputs" and spec.passes_missing):
            step = int(np.argmax(is_odd))
            found = found or f"the recorded {name} of step {step} hold NaN or infinity"
    if found:
        raise unfit_file(where, found, cause="changed or not written by rnnedge")
    return golden


def limits_to_json(limits: Limits | None) -> str:
    """Numbers by name, none for no limit; "" where nothing is recorded."""
    if limits is None:
        return ""
    numbers = {
        name: [float(v) if np.isfinite(v) else None for v in array]
        for name, array in (("carried", limits.carried), ("golden", limits.golden))
    }
    return json.dumps(numbers, separators=(",", ":"), sort_keys=True)


def limits_from_json(text: str, spec: ModelSpec, *, where: str) -> Limits | None:
    """What `limits_to_json` wrote.

    Raises:
        FormatError: it is not that, or not one number of 0 or more per output.
    """
    if not text:
        return None
    try:
        content = json.loads(text)
        golden, carried = (
            np.array([np.inf if v is None else v for v in content[name]], np.float32)
            for name in ("golden", "carried")
        )
        sizes = golden.shape, carried.shape
        if sizes != ((spec.output_size,),) * 2 or not (min(*golden, *carried) >= 0):
            raise ValueError
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        found = "the recorded limits do not fit the model description"
        raise unfit_file(where, found, cause="changed") from None
    return Limits(golden, carried)


def zip_texts(content: bytes, *, where: str) -> dict[str, str]:
    """The texts that lie beside the module in a TorchScript zip, by key.

    Raises:
        FormatError: `content` is not a zip, or one that PyTorch does not write: compressed,
            with members that overlap, or with a name twice.
    """
    import zipfile  # a tenth of the runtime's import time, which only `.pt` files need

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            texts = [item for item in members if _EXTRA in item.filename]
            stored = [i for i in members if i.compress_type == zipfile.ZIP_STORED]
            is_plain = (
                all(item.compress_type == zipfile.ZIP_STORED for item in texts)
                and sum(item.file_size for item in stored) <= len(content)
                and sum(item.file_size for item in members)
                <= LARGEST_RATIO * len(content)
                and len({item.filename for item in members}) == len(members)
            )
            if is_plain:
                return {
                    item.filename.split(_EXTRA, 1)[1]: archive.read(item).decode()
                    for item in texts
                }
    # NotImplementedError: a method or version of zip that Python does not know;
    # RuntimeError: a member with a password; OSError: a place outside the file.
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, OSError):
        raise unreadable_error("a zip, as a TorchScript file is", where=where) from None
    raise unfit_file(
        where,
        "the zip holds compressed texts, or members that overlap, repeat or grow "
        f"to more than {LARGEST_RATIO} times the file, which PyTorch does not write",
    )


def check_digest(what: str, digest: str, stated: str, *, where: str) -> None:
    """Raise FormatError unless `what` of a file has the digest that the file states."""
    if digest != stated:
        found = f"{what} have digest {digest[:12]}, but the file states {stated[:12]}"
        raise unfit_file(where, found, cause="changed")


def unreadable_error(expected: str, *, where: str) -> FormatError:
    """The error of a file whose ending promises another format."""
    return FormatError(
        f"{where}: the file is not {expected}. "
        "Give it the ending it was exported with, or export it again."
    )


def _golden_from_text(text: str, spec: ModelSpec, *, where: str) -> Golden:
    try:
        content = json.loads(text)
        num_steps = operator.index(content["num_steps"])
        golden = Golden(
            _decode(content["x"], (num_steps, spec.input_size)),
            _decode(content["y"], (num_steps, spec.output_size)),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        found = "the golden vectors do not fit the model description"
        raise unfit_file(where, found, cause="changed") from None
    return check_golden(golden, spec, where=where)


def _encode(array: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def _decode(text: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    if shape[0] < 0:
        raise ValueError
    values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    return values.reshape(shape).astype(np.float32)
