"""`examples/import/make_onnx.py`, which is no package, as a module for tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PATH = Path(__file__).resolve().parents[2] / "examples" / "import" / "make_onnx.py"

_spec = importlib.util.spec_from_file_location("make_onnx", PATH)
assert _spec is not None
assert _spec.loader is not None
make_onnx = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_onnx)

EXAMPLES = make_onnx.examples()
OPTIONS = make_onnx.OPTIONS
of_one_operator = make_onnx.of_one_operator
own_lstm = make_onnx.own_lstm
