"""A module as a TorchScript file that describes and seals itself.

A TorchScript file is a zip. The description lies beside the code as extra files; the seal
(`rnnedge_runtime.formats.seal`) is the comment at the end of the zip. PyTorch's debug members,
which hold the paths of the exporting machine, are left out.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import (
    Metadata,
    metadata_from_text,
    metadata_to_text,
    zip_texts,
)
from rnnedge_runtime.formats.seal import BLANK_SEAL, read_sealed, seal
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights

from ..module.reasons import error_text
from ..module.script_step import scriptable_step
from ..torch_model.sequence_model import SequenceModel
from .variant import Variant

_ALIGNMENT = 64
_LOCAL_HEADER_NBYTES = 30
_PADDING_ID = b"FB"


def write_torchscript(variant: Variant, path: Path) -> None:
    """Write the module of a variant, raising as `save_torchscript`."""
    user, spec = variant.original.user, variant.metadata.spec
    if user is not None and spec.is_opaque:
        module = scriptable_step(user)
    else:
        assert not isinstance(variant.parameters, QuantisedModel)
        module = SequenceModel(spec).eval()
        module.load_weights(variant.parameters)
    save_torchscript(module, variant.metadata, path)


def read_torchscript_metadata(path: Path) -> Metadata:
    """The description of a whole `.pt` artifact; nothing it holds is run.

    Raises:
        FormatError: cut short, changed, too new or not an artifact.
    """
    texts = zip_texts(read_sealed(path), where=path.name)
    return metadata_from_text(texts, where=path.name)


def read_torchscript(path: Path) -> tuple[Metadata, Weights]:
    """Description and weights of a chain of layers. Loading runs it: read what you wrote."""
    metadata = read_torchscript_metadata(path)
    model = SequenceModel(metadata.spec)
    held = torch.jit.load(path, map_location="cpu").state_dict()
    model.load_state_dict({name: held[name] for name in model.state_dict()})
    return metadata, model.weights()


def save_torchscript(module: nn.Module, metadata: Metadata, path: Path) -> None:
    """Script `module` and write it with its description.

    Args:
        module: `forward(x [B, T, I], state: List[Tensor]) -> (y, List[Tensor])`, in
            evaluation mode.
        metadata: what the file says of itself.
        path: file to write; its parent exists.

    Raises:
        SpecError: the module cannot be scripted; the message holds PyTorch's reason.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            scripted = torch.jit.script(module)
            torch.jit.save(scripted, buffer, _extra_files=metadata_to_text(metadata))
        except Exception as error:  # torch.jit.script raises errors of many types
            raise SpecError(
                f"export to TorchScript: {type(module).__name__} cannot be scripted: "
                f"{error_text(error)}. Give forward the signature "
                "(x: Tensor, state: List[Tensor]) -> Tuple[Tensor, List[Tensor]] and "
                "type annotations, or export to ONNX."
            ) from None
    path.write_bytes(seal(_repack(buffer)))


def _repack(saved: io.BytesIO) -> bytes:
    """The zip without debug members, with a blank seal as the comment at its end."""
    packed = io.BytesIO()
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(packed, "w") as target:
        for info in source.infolist():
            if info.filename.endswith(".debug_pkl"):
                continue
            entry = _entry(target, info.filename)
            target.writestr(entry, source.read(info), info.compress_type)
        target.comment = BLANK_SEAL.encode()
    return packed.getvalue()


def _entry(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A member with a fixed date, padded so that its content starts at a multiple of 64.

    PyTorch aligns its records in the same way, so that they can be mapped into memory.
    """
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    start = archive.start_dir + _LOCAL_HEADER_NBYTES + len(name.encode()) + 4
    padding = -start % _ALIGNMENT
    entry.extra = _PADDING_ID + padding.to_bytes(2, "little") + bytes(padding)
    return entry
