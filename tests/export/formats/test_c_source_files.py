"""Generated C as an artifact: exported, read back, verified, refused when it was changed."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import programs
from support.artifacts import describe, torch_model
from support.c_models import WARNINGS, Drawn, compiled, drawn_model, write_c
from support.rnn_cells import forecaster
from support.strategies import model_specs, seeds

import rnnedge_runtime
from rnnedge_export.exporting.export import export
from rnnedge_export.formats.c import kernel_headers as kernel
from rnnedge_export.formats.c.description import Figures
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.literals import c_identifier, comment, float_literal
from rnnedge_export.formats.c.loading import load_c
from rnnedge_export.formats.c.reading import read_c_source
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.errors import FormatError, ParityError, SpecError
from rnnedge_runtime.formats.seal import BLANK_DIGITS, MARKER, seal
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

HOSTILE = 'ends */ here /* " \\ ??/ \n#error \u202e hidden \\'


def small(name: str = "lstm-L1") -> Drawn:
    return drawn_model(forecaster(name, hidden_size=5), 1)


@settings(max_examples=40)
@given(model_specs(), seeds)
def test_a_source_is_read_back_as_the_model(spec: ModelSpec, seed: int) -> None:
    """The digest over spec and weights proves every weight and bias."""
    model = drawn_model(spec, seed, size=4)
    with tempfile.TemporaryDirectory() as folder:
        path = write_c(spec, model.weights, "m", Path(folder))
        metadata, weights = read_c_source(path)
    assert metadata.spec == spec
    assert list(weights) == list(model.weights)
    for name, tensor in model.weights.items():
        assert weights[name].tobytes() == tensor.tobytes()
    assert metadata.golden.x.tobytes() == describe(spec, weights).golden.x.tobytes()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_literal_reads_back_as_the_same_float(value: float) -> None:
    text = float_literal(value)
    assert np.float32(text.rstrip("f")).tobytes() == np.float32(value).tobytes()
    assert text.endswith("f")
    assert "." in text or "e" in text


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("boiler", "boiler"),
        ("jfk-2013 v2", "jfk_2013_v2"),
        ("2nd floor", "model_2nd_floor"),
        ("while", "while"),
        ("__init__", "init"),
        ("été", "t"),
        ("日本", "model"),
        ('a//b\\c"d', "a_b_c_d"),
    ],
)
def test_names_become_identifiers(name: str, identifier: str) -> None:
    assert c_identifier(name) == identifier


@pytest.mark.parametrize("name", ["rnnedge_f32", "RNNEDGE", "rnne-f32"])
def test_our_own_names_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="kept for rnnedge"):
        c_identifier(name)


@pytest.mark.parametrize("name", ["stdint", "stddef", "Math", "time", "strings"])
def test_names_of_standard_headers_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match=f"would hide <{name.lower()}.h>.*--name"):
        c_identifier(name)
    assert c_identifier(f"{name}_model") == f"{name}_model"


def test_a_folder_in_the_way_leaves_the_older_files(tmp_path: Path) -> None:
    """Of all formats: nothing is published before every target is known to be free."""
    model = small()
    older = {"m.c": "older C", "m.onnx": "older graph"}
    for name, text in older.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "m.h").mkdir()
    module = torch_model(model.spec, model.weights)
    with pytest.raises(FormatError, match=r"/m\.h' is a folder, expected a file"):
        export(module, formats=("onnx", "c"), out=tmp_path, name="m")
    assert {path.name for path in tmp_path.iterdir()} == {*older, "m.h"}
    for name, text in older.items():
        assert (tmp_path / name).read_text() == text


def test_a_file_that_cannot_be_replaced_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    model = small()
    module = torch_model(model.spec, model.weights)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FormatError, match=r"cannot write '[^']*/m\.rnne': Permission"):
        export(module, formats="rnne", out=tmp_path, name="m")
    assert not list(tmp_path.iterdir())


@settings(max_examples=50)
@given(st.text())
def test_any_text_fits_a_comment(text: str) -> None:
    made = comment([text, HOSTILE])
    inside = made.strip()[2:-2]
    assert "*/" not in inside
    assert "/*" not in inside
    assert "??" not in inside
    assert made.count("\n") == 4


@pytest.mark.parametrize("compiler", ["gcc", "clang-14"])
def test_odd_names_and_texts_compile_without_a_warning(
    compiler: str, tmp_path: Path
) -> None:
    spec = ModelSpec(
        (Feature(HOSTILE, HOSTILE), Feature("µg/m³", "°F")),
        (Target(HOSTILE, HOSTILE),),
        (Gru(2, 3), Linear(3, 1)),
    )
    model = drawn_model(spec, 0)
    names = ["while", "2 floors", 'a"b', "x"]
    paths = [write_c(spec, model.weights, name, tmp_path) for name in names]
    engines = compiled(paths, tmp_path, (compiler, *WARNINGS))
    assert [engine.check_golden() for engine in engines] == [0] * 4
    assert read_c_source(paths[0])[0].spec == spec


def test_the_example_of_the_documentation_compiles(tmp_path: Path) -> None:
    plain = forecaster("gru-L1", 4)
    layers = (Affine(5), Gru(5, 4), *plain.layers[2:])
    derived = (DerivedInput(86_400),)
    spec = dataclasses.replace(plain, derived=derived, layers=layers)
    write_c(spec, drawn_model(spec, 0).weights, "boiler", tmp_path)
    page = Path(__file__).parents[3] / "docs/c.md"
    example = re.findall(r"```c\n(.*?)```", page.read_text(encoding="utf-8"), re.S)[0]
    (tmp_path / "firmware.c").write_text(example)
    command = ["gcc", *WARNINGS, "-c", "firmware.c", "boiler.c"]
    programs.run(command, check=True, cwd=tmp_path)


def test_figures_stand_in_the_comment() -> None:
    model = small()
    metadata = describe(model.spec, model.weights)
    figures = [Figures("cortex-m4f", 20_548, 408, 184, 18_266, "gcc 12.2")]
    plain = generate_source(metadata, model.weights, "m")
    source = generate_source(metadata, model.weights, "m", figures=figures)
    assert "cortex-m4f  20,548  408  184    18,266" in source.files["m.h"]
    assert source.files["m.h"].endswith(plain.files["m.h"].partition("*/")[2])


def test_equal_models_give_equal_files() -> None:
    model = small()
    metadata = describe(model.spec, model.weights)
    one, two = (generate_source(metadata, model.weights, "m") for _ in range(2))
    assert one == two


def test_a_changed_byte_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write_c(small().spec, small().weights, "m", tmp_path)
    content = path.read_bytes()
    for at in rng.integers(0, len(content), 200):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(FormatError):
            read_c_source(path)
    for name in ("m.h", "rnnedge_f32.h"):
        path.write_bytes(content)
        header = tmp_path / name
        text = header.read_bytes()
        header.write_bytes(text + b"\n")
        with pytest.raises(FormatError, match="is not the one it was exported with"):
            read_c_source(path)
        header.unlink()
        with pytest.raises(FormatError, match="does not lie beside it"):
            read_c_source(path)
        header.write_bytes(text)
    assert read_c_source(path)[0].spec == small().spec


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("static const float m_1_units[", "static const float m_9_units[", "fit"),
        ('"numerics": "f32.v1"', '"numerics": "f64.v9"', "arithmetic 'f64.v9'"),
        ('"format_version": 1', '"format_version": 2', "newer"),
        ("rnnedge-artifact", "rnnedge-artefact", "no description"),
        ('"layers.1.bias_ih":"', '"layers.1.bias_ih":"AAAA', "fit"),
    ],
)
def test_a_sealed_file_that_does_not_fit_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = write_c(small().spec, small().weights, "m", tmp_path)
    assert old in path.read_text()
    reseal(path, old, new)
    with pytest.raises(FormatError, match=message):
        read_c_source(path)


def reseal(path: Path, old: str, new: str) -> None:
    content = path.read_bytes().replace(old.encode(), new.encode(), 1)
    start = content.index(MARKER) + len(MARKER)
    end = start + len(BLANK_DIGITS)
    path.write_bytes(seal(content[:start] + BLANK_DIGITS + content[end:]))


def test_a_changed_weight_has_another_digest(tmp_path: Path) -> None:
    path = write_c(small().spec, small().weights, "m", tmp_path)
    text = path.read_text()
    start = text.index("_scale[3] = {") + len("_scale[3] = {\n    ")
    number = text[start : text.index(",", start)]
    reseal(path, number, "0.123456789f")
    with pytest.raises(FormatError, match="spec and weights have digest"):
        read_c_source(path)


@pytest.mark.parametrize("name", ["lstm-proj-L2", "gru-L1"])
def test_export_writes_and_proves_all_formats(name: str, tmp_path: Path) -> None:
    model = small(name)
    report = export(
        torch_model(model.spec, model.weights),
        formats=("rnne", "c"),
        out=tmp_path,
        name="my model",
    )
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"my model.rnne", "my_model.c", "my_model.h", "rnnedge_f32.h"}
    assert report.notes == ()
    checks = verify([artifact.path for artifact in report.artifacts]).checks
    assert {check.outcome for check in checks} == {"passed"}
    found = [check.name for check in checks]
    assert "300 carried steps in C = f32.v1, bit for bit" in found
    assert found[-1] == "same outputs, bit for bit"


def test_a_source_that_computes_something_else_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted bug in the last digit of a coefficient, within the limit of parity."""
    model = small()
    right = kernel.f32_header()
    wrong = right.replace("rnne_splat(0.5f)", "rnne_splat(0.50000006f)")
    assert wrong != right
    monkeypatch.setattr("rnnedge_export.formats.c.f32.source.f32_header", lambda: wrong)
    with pytest.raises(ParityError, match=r"other bytes than f32\.v1"):
        export(torch_model(model.spec, model.weights), formats="c", out=tmp_path)
    assert list(tmp_path.iterdir()) == []
    path = write_c(model.spec, model.weights, "m", tmp_path)
    failed = [
        check.name for check in verify([path]).checks if check.outcome == "failed"
    ]
    assert "64 golden steps, bit for bit" in failed
    assert "300 carried steps in C = f32.v1, bit for bit" in failed
    assert load_c(path).engine.check_golden() > 0


def test_without_a_compiler_the_export_says_what_it_did_not_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    model = small()
    report = export(torch_model(model.spec, model.weights), formats="c", out=tmp_path)
    said = "no C compiler was found: $CC is 'no-such-compiler', which is not on this"
    assert said in report.notes[0]
    report = verify([tmp_path / "model.c"])
    missing = [check for check in report.checks if check.outcome == "not checked"]
    assert not report.has_failed
    assert [check.name for check in missing] == [
        "300 carried steps in C = f32.v1, bit for bit"
    ]
    assert said in missing[0].detail
    with pytest.raises(FormatError, match=re.escape(said)):
        load_c(tmp_path / "model.c", is_compiled=True)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    assert (
        "on this machine (Debian: gcc"
        in verify([tmp_path / "model.c"]).checks[3].detail
    )


def test_what_the_compiler_refuses_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_c(small().spec, small().weights, "m", tmp_path)
    monkeypatch.setenv("CC", "gcc -ffast-math")
    with pytest.raises(FormatError, match=r"cannot compile it: .*fast-math") as caught:
        load_c(path)
    assert "\n" not in str(caught.value)


def test_a_header_is_not_an_artifact(tmp_path: Path) -> None:
    path = write_c(small().spec, small().weights, "m", tmp_path)
    with pytest.raises(FormatError, match=r"Name the source beside it, m\.c"):
        verify([path.with_suffix(".h")])


def test_loading_a_source_says_what_it_is_for(tmp_path: Path) -> None:
    path = write_c(small().spec, small().weights, "m", tmp_path)
    for backend in (None, "native"):
        with pytest.raises(FormatError, match="Check it with `rnnedge verify`"):
            rnnedge_runtime.load(path, backend)


def test_parts_of_the_kernel_are_short_and_of_one_licence() -> None:
    text = kernel.f32_header()
    assert text.startswith("/* SPDX-License-Identifier: MIT */")
    for part in kernel.KERNELS.iterdir():
        assert part.name.endswith(".inc.h")
        assert len(part.read_text().splitlines()) <= 350
