"""The locks say the same as constraints.txt, file by file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pin_hashes
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
DIGEST = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def lock(name: str) -> dict[str, list[str]]:
    text = (ROOT / "locks" / name).read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ")
    lines = [line.split() for line in joined.splitlines() if not line.startswith("#")]
    return {pin: hashes for pin, *hashes in lines}


def test_all_is_locked_but_torch() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    missing = set(pins) - set(lock("all.txt"))
    assert [pin.partition("==")[0] for pin in missing] == ["torch"]
    assert set(lock("all.txt")) < set(pins)


def test_a_device_needs_the_base_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    base = {Requirement(line).name for line in project["project"]["dependencies"]}
    device, whole = lock("device.txt"), lock("all.txt")
    assert {pin.partition("==")[0] for pin in device} == base
    assert all(whole[pin] == hashes for pin, hashes in device.items())


@pytest.mark.parametrize("name", ["device.txt", "all.txt"])
def test_every_file_has_its_digest_once(name: str) -> None:
    for pin, hashes in lock(name).items():
        assert hashes, pin
        assert all(DIGEST.fullmatch(text) for text in hashes), pin
        assert hashes == sorted(set(hashes)), pin


def test_compiled_packages_have_a_file_for_each_python_and_machine() -> None:
    (numpy,) = (h for pin, h in lock("device.txt").items() if pin.startswith("numpy=="))
    assert len(numpy) == len(pin_hashes.MACHINES) * len(pin_hashes.pythons())
