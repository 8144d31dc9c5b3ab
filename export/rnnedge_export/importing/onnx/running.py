"""An ONNX file, run by ONNX Runtime as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError, first_line, require

from ..proof import Array
from .loading import load_onnx
from .over_time import RECURRENT, time_axis
from .ports import Port, Ports, read_ports

_FIRST_PREFIXES = 64
_LATER_PREFIXES = 8
_LONGEST_PREFIX = 1_000
_ONE = "of one step"


class OnnxFile:
    """A session on a file; called with rows it gives its outputs.

    Where the state is input and output it is carried step by step, else all rows go in at
    once over the time axis. Of a file that gives the last step alone the first rows go in,
    one more from call to call. One of a single step gets a time axis where it can have one;
    else it is run for the first step.

    Args:
        path: the file.
        outputs: as for `import_model`.
        states: as for `import_model`.
        constants: as for `import_model`.

    Attributes:
        name: of the program.

    Raises:
        FormatError: ONNX Runtime does not take the file.
    """

    name = "ONNX Runtime"

    def __init__(
        self,
        path: Path,
        *,
        outputs: Sequence[str] = (),
        states: Mapping[str, str] | None = None,
        constants: Mapping[str, float] | None = None,
    ) -> None:
        model = load_onnx(path)
        self._path = path
        self._constants = dict(constants or {})
        self._ports: Ports = read_ports(
            str(path),
            model.graph,
            outputs=outputs,
            states=states,
            constants=tuple(self._constants),
        )
        self._is_recurrent = any(node.op_type in RECURRENT for node in model.graph.node)
        self._keeps = any(
            node.op_type == "Scan"
            or (node.op_type in RECURRENT and not "".join(node.input[5:7]))
            for node in model.graph.node
        )
        self._axis = time_axis(model, self._ports.x.name)
        self._session: Any = self._opened(path)
        self._places: list[int | None] | None = None
        if not self._axis and self._is_recurrent and not self._ports.states:
            self._lengthen(model)
        if not self._axis and not self._is_recurrent:  # steps do not depend on others
            self._axis = next(filter(None, map(_name, self._ports.x.dims[::-1])), "")
        self._types = {item.name: item.type for item in self._session.get_inputs()}

    def __call__(self, x: Array) -> tuple[NDArray[np.intp], Array]:
        """Rows `[N, I]`; the steps that have an output, and these `[K, O]`."""
        ports = self._ports
        if ports.states and not (self._axis and self._keeps):
            return self._stepped(x)
        if not (self._is_recurrent or self._axis):
            return self._stepped(x)
        if not self._axis:
            return self._stepped(x[:1])
        y = self._over_time(x)
        if len(y) == len(x):
            return np.arange(len(x)), y
        length = min(len(x), _LONGEST_PREFIX)
        later = np.linspace(_FIRST_PREFIXES, length - 1, _LATER_PREFIXES)
        steps = np.arange(min(length, _FIRST_PREFIXES))
        steps = np.unique([*steps, *later[later >= _FIRST_PREFIXES].astype(int)])
        return steps, np.stack([self._over_time(x[: t + 1])[-1] for t in steps])

    def _over_time(self, x: Array) -> Array:
        """`[N, I]` at once to `[N, O]`, or `[1, O]` where only the last step is given."""
        if self._places is None:
            shorter, longer = (self._whole(np.repeat(x[:1], n, axis=0)) for n in (2, 3))
            self._places = [
                next((k for k, size in enumerate(b.shape) if a.shape[k] != size), None)
                for a, b in zip(shorter, longer, strict=True)
            ]
        parts = [
            value.reshape(1, -1)
            if place is None
            else np.moveaxis(value, place, 0).reshape(len(x), -1)
            for value, place in zip(self._whole(x), self._places, strict=True)
        ]
        num = min(len(part) for part in parts)
        return np.concatenate([part[-num:] for part in parts], axis=1)

    def _whole(self, x: Array) -> list[Any]:
        """What the file gives for all rows at once."""
        ports = self._ports
        axis = ports.x.dims.index(self._axis)
        whole = np.concatenate([row.reshape(ports.x.shape) for row in x], axis=axis)
        state = {port: np.zeros(port.shape, np.float32) for port in ports.states}
        return self._run({ports.x: whole, **state}, ports.outputs)

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
        for port in self._ports.constants:
            kind = _TYPES.get(self._types[port.name], np.float32)
            feeds[port.name] = np.full(port.shape, self._constants[port.name], kind)
        found = self._session.run([port.name for port in wanted], feeds)
        return [np.asarray(value, np.float32) for value in found]

    def _opened(self, source: Any) -> Any:
        runtime = require(
            "onnxruntime", extra="train", purpose="The proof of an import"
        )
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            return runtime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common base
            raise FormatError(
                f"{self._path}: ONNX Runtime does not take it: {first_line(error)}. Leave "
                "the proof out with --no-proof, or write the file again."
            ) from None

    def _lengthen(self, model: Any) -> None:
        """Give a file of one step a time axis, where it runs with it as before."""
        longer, port = with_open_axes(model, self._ports.x)
        axis = time_axis(longer, port.name)
        if not axis:
            return
        before = self._session, self._ports, self._axis
        one_row = np.zeros((1, int(np.prod(port.shape))), np.float32)
        try:
            self._session = self._opened(longer.SerializeToString())
            self._types = {item.name: item.type for item in self._session.get_inputs()}
            self._ports = Ports(port, *_rest(self._ports))
            self._axis = axis
            is_longer = len(self._over_time(np.repeat(one_row, 3, axis=0))) == 3
        except Exception:  # what was written for one step may not run with more
            is_longer = False
        if not is_longer:
            self._places = None
            self._session, self._ports, self._axis = before


def with_open_axes(model: Any, x: Port) -> tuple[Any, Port]:
    """A copy whose readings have axes of unknown length where they have 1; them in it."""
    import onnx

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    del copied.graph.value_info[:]
    dims = list(x.dims)
    for item in copied.graph.input:
        if item.name == x.name:
            for k, dim in enumerate(item.type.tensor_type.shape.dim):
                if dims[k] == 1 and k < len(dims) - 1:
                    dims[k] = dim.dim_param = f"{_ONE}{k}"
    for item in copied.graph.output:
        item.type.tensor_type.ClearField("shape")
    return copied, Port(x.name, tuple(dims), x.is_float)


def _rest(ports: Ports) -> tuple[Any, ...]:
    return ports.outputs, ports.states, ports.left, ports.constants


def _name(size: int | str) -> str:
    return "" if isinstance(size, int) else size


_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
}
"""Of inputs that do not take float32."""
