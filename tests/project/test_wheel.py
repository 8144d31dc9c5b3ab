"""What `pip install rnnedge` brings, and what works with numpy and click alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from elf_file import ElfFile
from finish_wheel import finish, manylinux, platform_of, record_of
from support.artifacts import save_artifact
from support.rnn_cells import forecaster
from support.strategies import random_weights

import rnnedge_runtime

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "rnnedge": ROOT / "rnnedge",
    "rnnedge_export": ROOT / "export/rnnedge_export",
    "rnnedge_runtime": ROOT / "runtime/rnnedge_runtime",
}
MAX_RUNTIME_NBYTES = 2_000_000
MAX_INSTALLED_NBYTES = 4_000_000
BASE = ("numpy", "numpy.libs", "click")


def build_wheel(folder: Path, **environment: str) -> Path:
    command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(
        [sys.executable, *command],
        check=True,
        capture_output=True,
        env=os.environ | environment,
    )
    (path,) = folder.glob("rnnedge-*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = forecaster("gru-L1", hidden_size=5)
    weights = random_weights(spec, np.random.default_rng(0))
    return save_artifact(spec, weights, tmp_path_factory.mktemp("model"), ".rnne")


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from that holds the wheel, numpy and click, nothing else."""
    return unpack(wheel, tmp_path_factory.mktemp("device"))


def unpack(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    site = Path(find_spec("numpy").origin).parent.parent
    for name in BASE:
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


@pytest.fixture(scope="module")
def finished(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finish(wheel, tmp_path_factory.mktemp("finished"))


def run_on(device: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = f"import sys; sys.path.append({str(device)!r}); {code}"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", command], capture_output=True, text=True
    )


def run_command(device: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_on(
        device,
        f"from rnnedge.cli import main; main({arguments!r}, prog_name='rnnedge')",
    )


def test_the_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in PACKAGES.items():
        source = {
            path.relative_to(folder.parent).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        source -= {path for path in source if path.endswith((".so", ".pyd"))}
        assert f"{package}/py.typed" in source
        assert source <= names
    assert "rnnedge/datasets/jfk_weather_2013_hourly.csv.gz" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == set(PACKAGES)


def test_the_wheel_is_small(wheel: Path) -> None:
    entries = zipfile.ZipFile(wheel).infolist()
    runtime = [
        e.file_size for e in entries if e.filename.startswith("rnnedge_runtime/")
    ]
    assert sum(runtime) < MAX_RUNTIME_NBYTES
    assert sum(entry.file_size for entry in entries) < MAX_INSTALLED_NBYTES


def test_the_device_has_no_engine(device: Path) -> None:
    result = run_on(device, "import torch")
    assert "ModuleNotFoundError" in result.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_with_numpy_and_click_alone(
    device: Path, package: str
) -> None:
    result = run_on(device, f"import {package} as p; print(p.__file__)")
    assert result.stdout.startswith(str(device)), result.stderr


def test_one_wheel_serves_every_later_python(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if "/_native." in name and "pyi" not in name]


STEP = """
import sys, rnnedge_runtime
model = rnnedge_runtime.load({path!r})
y = model.stream().step([1.0] * model.spec.num_features, time=5)
foreign = {{"torch", "onnx", "onnxruntime", "click"}} & set(sys.modules)
print(model.backend, y.tobytes().hex(), sorted(foreign))
"""


def test_a_device_steps_with_numpy_alone(device: Path, artifact: Path) -> None:
    model = rnnedge_runtime.load(artifact)
    y = model.stream().step([1.0] * model.spec.num_features, time=5)
    result = run_on(device, f"exec({STEP.format(path=str(artifact))!r})")
    assert result.stdout == f"native {y.tobytes().hex()} []\n", result.stderr
    result = run_command(device, "bench", str(artifact), "--seconds", "0.01")
    assert "native" in result.stdout, result.stderr
    assert "note: torch eager: " in result.stdout
    result = run_command(device, "verify", str(artifact))
    assert " 0 failed" in result.stdout, result.stderr


def test_without_a_compiler_the_install_streams_on_numpy(
    artifact: Path, tmp_path: Path
) -> None:
    """`false` in place of the compiler: CMake finds one and cannot use it."""
    (tmp_path / "wheel").mkdir()
    wheel = build_wheel(tmp_path / "wheel", CC="false")
    assert "-py3-none-any" in wheel.name
    device = unpack(wheel, tmp_path / "device")
    model = rnnedge_runtime.load(artifact)
    y = model.stream().step([1.0] * model.spec.num_features, time=5)
    result = run_on(device, f"exec({STEP.format(path=str(artifact))!r})")
    assert result.stdout == f"numpy {y.tobytes().hex()} []\n"
    assert result.stderr.count("the C engine is not built here") == 1


def test_the_help_needs_no_extra(device: Path) -> None:
    result = run_command(device, "--help")
    assert result.returncode == 0, result.stderr
    assert "train" in result.stdout


def test_a_missing_extra_is_named(device: Path, tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("time,a\n0,1\n1,2\n")
    result = run_command(device, "train", str(table), "--target", "a")
    assert result.returncode == 2
    assert "MissingDependencyError" in result.stderr
    assert "pip install 'rnnedge[train]'" in result.stderr
    assert "Traceback" not in result.stderr


def library_with(**changes: object) -> ElfFile:
    plain: dict[str, object] = dict.fromkeys(ElfFile.__slots__, False)
    plain |= {"machine": "aarch64", "needed": ("libc.so.6",), "imports": frozenset()}
    return ElfFile(**plain | {"versions": {}} | changes)


@pytest.mark.parametrize(
    ("version", "tag"),
    [
        ("GLIBC_2.4", "manylinux2014_aarch64.manylinux_2_17_aarch64"),
        ("GLIBC_2.17", "manylinux2014_aarch64.manylinux_2_17_aarch64"),
        ("GLIBC_2.34", "manylinux_2_34_aarch64"),
    ],
)
def test_a_wheel_names_the_oldest_linux_it_runs_on(version: str, tag: str) -> None:
    versions = {"libc.so.6": frozenset({version, "GLIBC_2.2.5"})}
    assert manylinux(library_with(versions=versions), "a.so") == tag


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"needed": ("libc.so.6", "libgomp.so.1")}, "needs libgomp.so.1"),
        ({"versions": {"libc.so.6": frozenset({"GCC_3.0"})}}, "needs GCC_3.0"),
        ({"has_search_path": True}, "has_search_path is true"),
        ({"has_executable_stack": True}, "has_executable_stack is true"),
    ],
)
def test_a_wheel_that_needs_more_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        manylinux(library_with(**changes), "a.so")


@pytest.mark.parametrize("content", [b"", b"\xcf\xfa\xed\xfe", b"\x7fELF\x01\x01"])
def test_a_wheel_for_another_system_keeps_its_name(content: bytes) -> None:
    assert platform_of(content, "a.so") is None


def test_a_finished_wheel_lists_what_it_holds(wheel: Path, finished: Path) -> None:
    with zipfile.ZipFile(finished) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (record,) = (name for name in files if name.endswith("RECORD"))
    info = record.removesuffix("/RECORD")
    others = {name: content for name, content in files.items() if name != record}
    assert files[record] == record_of(others, record)
    tags = message_from_bytes(files[f"{info}/WHEEL"]).get_all("Tag")
    assert {
        f"cp311-abi3-{part}" for part in finished.stem.split("-")[-1].split(".")
    } == set(tags)
    added = set(files) - set(zipfile.ZipFile(wheel).namelist())
    assert added == {f"{info}/sboms/rnnedge.cdx.json"}
    sbom = json.loads(files[f"{info}/sboms/rnnedge.cdx.json"])
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert sbom["metadata"]["component"]["version"] == rnnedge_runtime.__version__
    found = {part["name"]: part for part in sbom["components"]}
    assert {"numpy", "click", "onnxruntime", "rnnedge C engine", "uPlot"} <= set(found)
    assert len(found) == 6
    for part in found.values():
        for entry in part.get("hashes", ()):
            content = files[part["bom-ref"]]
            assert entry["content"] == hashlib.sha256(content).hexdigest()


def test_the_same_wheel_is_finished_to_the_same_bytes(
    wheel: Path, finished: Path, tmp_path: Path
) -> None:
    assert finish(wheel, tmp_path).read_bytes() == finished.read_bytes()
