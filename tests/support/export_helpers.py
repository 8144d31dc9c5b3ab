"""What the export tests share: streaming an artifact, and changing one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

import rnnedge_runtime as runtime
from rnnedge_export.compare.runs import step_through
from rnnedge_export.exporting.export import ArtifactReport
from rnnedge_runtime.formats.metadata import KEY_SHA256
from rnnedge_runtime.formats.seal import BLANK_SEAL, seal


def streamed(
    artifact: ArtifactReport, steps: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Model inputs like the golden ones, and what the artifact makes of them."""
    model = runtime.load(artifact.path, backend=artifact.format)
    x = model.golden.x[::-1][:steps].copy()
    return x, step_through(model.engine, model.spec, x)


def rewrite(path: Path, target: Path, edit: Callable[[onnx.ModelProto], None]) -> Path:
    """Copy an artifact with its content edited and its seal made new."""
    model = onnx.load(path)
    edit(model)
    for item in model.metadata_props:
        if item.key == KEY_SHA256:
            item.value = BLANK_SEAL
    target.write_bytes(seal(model.SerializeToString(deterministic=True)))
    return target
