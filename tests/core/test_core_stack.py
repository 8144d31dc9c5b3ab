"""Stack of the core: every frame of fixed size, no recursion, the limits that rnnedge.h states.

gcc writes the frames and calls of each source (-fcallgraph-info=su); the deepest chain is
summed over all of them. A call through a pointer is counted as the deepest of what the pointer
may be: streams call an engine, an engine and the loader layers, these kernels. What memcpy,
memset and memcmp take is not known and not counted.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.core_objects import run
from support.replay import CORE, core_of, marked

NODE = re.compile(
    r'^node: \{ title: "([^"]+)" label: "[^"]*?(?:\\n(\d+) bytes \(([^)]+)\))?"', re.M
)
EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', re.M)
INDIRECT = "__indirect_call"
ROOM_OF = {path.stem: path.parent.name for path in CORE.glob("src/*/*.c")}
READS = ("describe", "check_words", "widening")
LOADS = (*READS, "pack", "check", "tensors_q", "tensors_g")
READERS = ("read_layer", "graph", "graph_roles")
"""Sources of the loader that call `READS` alone."""
ALIGNMENT_NBYTES = 64  # "dynamic,bounded": the frame is moved up to an alignment


def pointed_at(source: str, caller: str) -> str:
    """Which functions a call through a pointer reaches, as a node of the graph."""
    room = ROOM_OF.get(source, "")
    if room == "stream" and not source.endswith(("engine", "inputs")):
        return "engines"
    if source in READERS:
        return "reads"
    if room in ("stream", "load"):
        return "layers" if room == "stream" else "loads"
    return "updates" if caller == "rnne_rows_cell" else "kernels"


def pointers_to(source: str, name: str) -> list[str]:
    """The nodes of pointers that may point at a function."""
    room = ROOM_OF.get(source, "")
    if room in ("f32", "w8a16"):
        return ["kernels", "layers", "updates"]
    member = name.split(":")[-1]
    found = ["layers"] if room in ("layers", "graph") else []
    found += ["loads"] if member in LOADS else []
    found += ["reads"] if member in READS else []
    found += ["updates"] if member == "update" else []
    return found + (["engines"] if source.endswith("_engine") else [])


class Calls:
    """Frames and calls of all sources in a folder that gcc compiled."""

    def __init__(self, folder: Path) -> None:
        self.frames: dict[str, int] = {}
        self.unbounded: list[str] = []
        self.callees: dict[str, set[str]] = {}
        self.depths: dict[str, int] = {}
        for path in folder.glob("*.ci"):
            text = path.read_text()
            for name, nbytes, kind in NODE.findall(text):
                if nbytes:
                    self._add(name, int(nbytes), kind, path.stem)
            for caller, callee in EDGE.findall(text):
                is_pointer = callee == INDIRECT
                name = pointed_at(path.stem, caller) if is_pointer else callee
                self.callees.setdefault(caller, set()).add(name)

    def _add(self, name: str, nbytes: int, kind: str, source: str) -> None:
        self.frames[name] = nbytes + (ALIGNMENT_NBYTES if kind != "static" else 0)
        if kind not in ("static", "dynamic,bounded"):
            self.unbounded.append(name)
        for pointer in pointers_to(source, name):
            self.callees.setdefault(pointer, set()).add(name)

    def depth(self, name: str, callers: tuple[str, ...] = ()) -> int:
        """Bytes of the deepest chain of calls from `name`, its own frame included."""
        assert name not in callers, ("recursion", *callers, name)
        if name not in self.depths:
            chains = [
                self.depth(callee, (*callers, name))
                for callee in self.callees.get(name, ())
            ]
            self.depths[name] = self.frames.get(name, 0) + max(chains, default=0)
        return self.depths[name]


def stated_limits() -> tuple[int, int]:
    """Bytes for rnne_step() and for every other call, from the header."""
    header = (CORE / "include/rnnedge.h").read_text()
    found = re.search(r"(\d) KiB of stack in rnne_step\(\) and (\d) KiB in any", header)
    assert found
    return 1024 * int(found[1]), 1024 * int(found[2])


@pytest.mark.parametrize("name", marked("gcc-O2", "aarch64"))
def test_stack_stays_within_the_stated_limits(name: str) -> None:
    calls = Calls(core_of(name)[0].parent)
    assert not calls.unbounded
    step, others = stated_limits()
    depths = {
        name: calls.depth(name) for name in calls.frames if name.startswith("rnne_")
    }
    print(sorted(depths.items(), key=lambda item: -item[1])[:8])
    assert all(
        len(calls.callees[name]) > 5
        for name in ("engines", "layers", "loads", "reads", "kernels")
    )
    assert len(calls.callees["updates"]) > 3
    assert 256 < depths["rnne_step"] <= step
    assert max(depths.values()) <= others


PLANTED = {
    "large": "void use(char *); void f(void) { char a[5000]; use(a); }",
    "in a chain": (
        "void use(char *);\n"
        "__attribute__((noinline)) static int g(void) { char a[3000]; use(a); return *a; }\n"
        "int f(void) { char a[2000]; use(a); return g() + *a; }"
    ),
    "of variable size": "void use(char *); void f(int n) { char a[n]; use(a); }",
    "recursive": "void use(char *); int f(int n) { return n ? n * f(n / 3) + f(n - 1) : 1; }",
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(fault: str, tmp_path: Path) -> None:
    source = tmp_path / "planted.c"
    source.write_text(PLANTED[fault])
    flags = ("-O2", "-fcallgraph-info=su", "-fno-optimize-sibling-calls")
    run("gcc", *flags, "-c", source, cwd=tmp_path)
    calls = Calls(tmp_path)
    if fault == "of variable size":
        assert calls.unbounded == ["f"]
    elif fault == "recursive":
        with pytest.raises(AssertionError, match="recursion"):
            calls.depth("f")
    else:
        assert calls.depth("f") > 4096
