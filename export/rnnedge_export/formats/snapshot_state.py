"""State tensors by way of snapshots, for artifacts whose own functions save and restore."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.arrays import State
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.formats.snapshot import pack_snapshot, unpack_snapshot


def graph_state_of(metadata: Metadata, snapshot: bytes) -> State:
    """The graph state in a snapshot of the model."""
    _, state = unpack_snapshot(
        snapshot,
        metadata.spec.state,
        digest=metadata.digest,
        numerics=metadata.numerics,
    )
    return state[: len(metadata.spec.graph_state)]


def snapshot_of(metadata: Metadata, graph_state: State) -> bytes:
    """The snapshot of a graph state before the first step; the held readings are initial."""
    tensors: State = [np.asarray(tensor, np.float32) for tensor in graph_state]
    tensors.append(metadata.spec.state[-1].initial_array())
    return pack_snapshot(metadata.digest, metadata.numerics, 0, tensors)
