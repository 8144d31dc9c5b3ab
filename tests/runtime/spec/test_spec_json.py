"""A ModelSpec's JSON with wrong values: FormatError, or a spec that can be written again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import model_specs

from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.formats.metadata import KEY_VERSION, metadata_from_text
from rnnedge_runtime.spec.layers import Linear, Opaque
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json

EXAMPLE = ModelSpec(
    (Feature("a", clip=(-1.0, 1.0)), Feature("b")), (Target("a"),), (Linear(2, 1),)
)
OPAQUE = ModelSpec(
    (Feature("a"),),
    (Target("a"),),
    (Opaque(1, 1, (("h", (1, 2), (0.0, 1.0)), ("c", (1, 2), ())), "0" * 64, "scan"),),
)
WRONG_SCALARS = (
    *(None, True, False, "", "x", "\ud800", "hold", "opaque"),
    *(0, 1, -1, 3.5, 2**24, 2**31, 2**63, 10**12, 10**400),
    *(float("nan"), float("inf"), -float("inf"), 1e39, 1e308, -1e308),
)
wrong_values = st.sampled_from(WRONG_SCALARS) | st.recursive(
    st.sampled_from(WRONG_SCALARS) | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("kind", "name", "\ud800")), inner)
    ),
    max_leaves=5,
)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in `content`."""
    keys = content if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from places(content[key])


def with_value(*path_and_value: Any, spec: ModelSpec = EXAMPLE) -> str:
    *path, last, value = path_and_value
    content = json.loads(spec_to_json(spec))
    inner = content
    for key in path:
        inner = inner[key]
    inner[last] = value
    return json.dumps(content)


@settings(max_examples=1000)
@given(spec=model_specs() | st.sampled_from((EXAMPLE, OPAQUE)), data=st.data())
def test_any_other_value_is_refused_or_can_be_written_again(
    spec: ModelSpec, data: st.DataObject
) -> None:
    content = json.loads(spec_to_json(spec))
    container, key = data.draw(st.sampled_from(list(places(content))))
    container[key] = data.draw(wrong_values)
    try:
        found = spec_from_json(json.dumps(content), where="file")
    except FormatError as error:
        str(error).encode()
        return
    text = spec_to_json(found)
    text.encode()
    assert spec_to_json(spec_from_json(text, where="file")) == text
    assert all(entry.initial_array().size == entry.size for entry in found.state)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_value("features", 0, "clip", 0), r"features\[0\]\.clip is 0, expected a"),
        (
            with_value("features", 1, "name", "\ud800"),
            r"features\[1\]\.name is .*surrog",
        ),
        (with_value("features", 0, "clip", [0, 10**400]), r"clip\[1\] is 10+\.\.\."),
        (
            with_value("features", 0, "initial", 1e39),
            r"initial is 1e\+39, expected a numb",
        ),
        (
            with_value("sample_period_s", float("inf")),
            "sample_period_s is inf, expected",
        ),
        (with_value("horizon", True), "horizon is True, expected an integer from 1"),
        (
            with_value("layers", 0, "kind", {}),
            r"layers\[0\]\.kind is \{\}, expected text",
        ),
        (with_value("layers", 0, "kind", "conv"), r"'conv', expected one of affine, "),
        (
            with_value("layers", 0, "output_size", 2**24 + 1),
            "16777217, expected an int",
        ),
        (with_value("layers", 0, "states", []), "'states' is an unknown field"),
        (with_value("vocabulary", 3, spec=OPAQUE), "vocabulary is 3, expected a list"),
        (
            with_value("layers", 0, "states", 1, 1, [2**20, 2**20], spec=OPAQUE),
            r"states\[1\] has shape .* expected at most",
        ),
    ],
)
def test_message_names_the_field_and_what_it_expects(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=rf"^file: .*{message}"):
        spec_from_json(text, where="file")


@pytest.mark.parametrize("version", [True, 1.0, [[]], {}, "1", None, float("nan")])
def test_format_version_of_another_type_is_refused(version: object) -> None:
    with pytest.raises(FormatError, match=r"^file: format version .* is unknown"):
        spec_from_json(with_value("format_version", version), where="file")


@pytest.mark.parametrize("version", ["²", "9" * 5000])
def test_version_text_that_is_no_number_is_refused(version: str) -> None:
    with pytest.raises(FormatError, match=r"^file: format version .* is unknown"):
        metadata_from_text({KEY_VERSION: version}, where="file")


def test_repeated_names_are_found_in_linear_time_and_a_few_named() -> None:
    def cost(size: int) -> float:
        targets = tuple(Target(f"t{k % (size // 2)}") for k in range(size))
        layers = (Linear(1, size),)
        start = time.process_time()
        with pytest.raises(SpecError, match=f"and {size // 2 - 3} others") as caught:
            ModelSpec((Feature("a"),), targets, layers)
        assert "others more than once" in str(caught.value)
        assert len(str(caught.value)) < 300
        return time.process_time() - start

    few = min(cost(5000) for _ in range(3))
    assert cost(100_000) < 100 * few, "20 times the names: 400 times in a loop of loops"


@pytest.mark.parametrize(
    "feature", [Feature("a", initial=1e39), Feature("a", clip=(0.0, 1e39))]
)
def test_number_beyond_float32_is_refused(feature: Feature) -> None:
    with pytest.raises(SpecError, match="finite float32 number"):
        ModelSpec((feature,), (Target("a"),), (Linear(1, 1),))
