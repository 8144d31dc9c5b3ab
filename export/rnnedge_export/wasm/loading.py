"""Loading WebAssembly artifacts, under the name it had before `formats`."""

from __future__ import annotations

from ..formats.wasm.loading import load_wasm

__all__ = ["load_wasm"]
