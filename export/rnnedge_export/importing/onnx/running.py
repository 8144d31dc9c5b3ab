"""An ONNX file, run by ONNX Runtime as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, first_line, require

from ..proof import Array
from .over_time import time_axis
from .ports import Port, Ports, read_ports
from .reading import load_onnx


class OnnxFile:
    """A session on a file; called with rows it gives its outputs.

    Where the state is input and output it is carried step by step, else all rows go in at
    once over the time axis. A file without either gives the first step alone.

    Args:
        path: the file.
        outputs: as for `import_model`.
        states: as for `import_model`.

    Raises:
        FormatError: ONNX Runtime does not take the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        outputs: Sequence[str] = (),
        states: Mapping[str, str] | None = None,
    ) -> None:
        runtime = require(
            "onnxruntime", extra="train", purpose="The proof of an import"
        )
        model = load_onnx(path)
        self._ports: Ports = read_ports(
            str(path), model.graph, outputs=outputs, states=states
        )
        self._axis = time_axis(model, self._ports.x.name)
        self._is_recurrent = any(
            node.op_type in ("GRU", "LSTM", "RNN") for node in model.graph.node
        )
        if not self._axis and not self._is_recurrent:  # steps do not depend on others
            self._axis = next(filter(None, map(_name, self._ports.x.dims[::-1])), "")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = runtime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common base
            raise FormatError(
                f"{path}: ONNX Runtime does not take it: {first_line(error)}. Leave the "
                "proof out with --no-proof, or write the file again."
            ) from None
        self._types = {item.name: item.type for item in self._session.get_inputs()}

    def __call__(self, x: Array) -> tuple[NDArray[np.intp], Array]:
        """Rows `[N, I]`; the steps that have an output, and these `[K, O]`."""
        ports = self._ports
        if ports.states or not (self._is_recurrent or self._axis):
            return self._stepped(x)
        if not self._axis:
            return self._stepped(x[:1])
        axis = ports.x.dims.index(self._axis)
        whole = np.concatenate([row.reshape(ports.x.shape) for row in x], axis=axis)
        found = self._run({ports.x: whole}, ports.outputs)
        parts = [
            _by_step(value, port, self._axis, len(x))
            for value, port in zip(found, ports.outputs, strict=True)
        ]
        num = min(len(part) for part in parts)
        y = np.concatenate([part[-num:] for part in parts], axis=1)
        return np.arange(len(x) - num, len(x)), y

    def _stepped(self, x: Array) -> tuple[NDArray[np.intp], Array]:
        ports = self._ports
        state = {port: np.zeros(port.shape, np.float32) for port in ports.states}
        wanted = (*ports.outputs, *ports.states.values())
        rows = []
        for row in x:
            found = self._run({ports.x: row.reshape(ports.x.shape), **state}, wanted)
            outputs = found[: len(ports.outputs)]
            rows.append(np.concatenate([value.reshape(-1) for value in outputs]))
            now = found[len(ports.outputs) :]
            state = {
                port: value.reshape(port.shape)
                for port, value in zip(state, now, strict=True)
            }
        return np.arange(len(x)), np.stack(rows)

    def _run(self, given: Mapping[Port, Any], wanted: Sequence[Port]) -> list[Any]:
        feeds = {
            port.name: value.astype(_TYPES.get(self._types[port.name], np.float32))
            for port, value in given.items()
        }
        found = self._session.run([port.name for port in wanted], feeds)
        return [np.asarray(value, np.float32) for value in found]


def _name(size: int | str) -> str:
    return "" if isinstance(size, int) else size


def _by_step(value: Any, port: Port, axis: str, steps: int) -> Any:
    """`[steps, O]`, or `[1, O]` where the output is that of the last step alone."""
    places = [k for k, size in enumerate(value.shape) if size == steps]
    if axis in port.dims:
        places = [port.dims.index(axis)]
    if not places:
        return value.reshape(1, -1)
    return np.moveaxis(value, places[0], 0).reshape(steps, -1)


_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
"""Of inputs that do not take float32."""
