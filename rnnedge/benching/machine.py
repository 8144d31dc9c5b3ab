"""What a measurement was taken on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import numpy as np

_PACKAGES = ("numpy", "onnxruntime", "torch")


def describe_machine() -> str:
    """Processor, cores, system, Python and the packages measured, in one line."""
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    cores = os.cpu_count() or 1
    system = f"{platform.system()} {platform.machine()}"
    return f"{_processor()}, {cores} cores, {system}; {', '.join(versions)}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    features = np.show_config(mode="dicts") or {}
    found = features.get("SIMD Extensions", {}).get("found", [])
    widest = next((name for name in reversed(found) if name.startswith("AVX")), "")
    name = names[0] if names else platform.machine()
    return f"{name} ({widest})" if widest else name
