"""Precision choices: text form, dicts, roles, patterns, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format, Overflow, Precision, Rounding
from netloom.core.precision import ROLES, PrecisionConfig, matches, parse_precision

PRECISIONS = st.builds(
    Precision,
    st.builds(Format, st.integers(0, 63), st.integers(-20, 80), st.booleans()),
    st.sampled_from(Rounding),
    st.sampled_from(Overflow),
)
NAMES = (
    st.text("abcXYZ019_/.:*?[]- ()", min_size=1).map(str.strip).filter(lambda name: name and ": " not in name)
)


def refusal(value: object) -> str:
    with pytest.raises(CompileError) as caught:
        PrecisionConfig.from_user(value)
    return str(caught.value)


@given(
    st.none() | PRECISIONS,
    st.lists(st.tuples(NAMES, st.sampled_from(ROLES), PRECISIONS), max_size=4),
)
def test_text_form_round_trips(model: Precision | None, layers: list[tuple[str, str, Precision]]) -> None:
    config = PrecisionConfig(model, tuple(layers))
    assert PrecisionConfig.parse(str(config)) == config


def test_one_format_for_the_model() -> None:
    expected = PrecisionConfig(parse_precision("fixed<16,6>", "precision"))
    assert PrecisionConfig.from_user("fixed<16,6>") == expected
    assert PrecisionConfig.from_user({"model": "fixed<16,6>"}) == expected
    assert PrecisionConfig.from_user(Precision(Format(16, 6))) == expected
    assert PrecisionConfig.from_user(None) == PrecisionConfig()


def test_a_layer_without_roles_means_all_roles() -> None:
    config = PrecisionConfig.from_user({"layers": {"fc1": "fixed<8,2>"}})
    assert [config.for_layer("fc1", role) for role in ROLES] == [Precision(Format(8, 2))] * 3
    assert config.for_layer("fc2", "weight") is None


def test_later_entries_win_and_the_model_is_last() -> None:
    config = PrecisionConfig.from_user(
        {"model": "fixed<16,6>", "layers": {"fc*": "fixed<8,2>", "fc2": {"weight": "fixed<4,1>"}}}
    )
    found = {(name, role): config.for_layer(name, role) for name in ("fc1", "fc2", "out") for role in ROLES}
    widths = {key: value.format.width for key, value in found.items() if value is not None}
    assert widths["fc1", "weight"] == widths["fc2", "bias"] == 8
    assert widths["fc2", "weight"] == 4
    assert widths["out", "result"] == 16


def test_a_name_matches_itself_even_when_it_reads_as_a_pattern() -> None:
    assert matches("fc[0]", "fc[0]")
    assert matches("fc0", "fc[0]")
    assert not matches("fc1", "fc[0]")


def test_value_that_is_no_format() -> None:
    assert refusal("fixed<16>") == (
        "[NL203] at 'precision': 'fixed<16>' is not a fixed-point type; write fixed<W,I>\n"
        "  supported: fixed<W,I>, ufixed<W,I>, with optional rounding and overflow modes\n"
        "  to do: for example fixed<16,6> or fixed<16,6,RND_CONV,SAT>"
    )


def test_format_wider_than_mantissas() -> None:
    assert refusal("fixed<80,40>") == (
        "[NL303] at 'precision': fixed<80,40> has 80 bits\n"
        "  supported: up to 63 bits\n"
        "  to do: choose a narrower format"
    )


def test_unknown_key() -> None:
    assert refusal({"modle": "fixed<8,2>"}) == (
        "[NL201] at 'precision': unknown key 'modle' in precision\n"
        "  supported: model, layers\n"
        "  to do: did you mean 'model'?"
    )


def test_unknown_role() -> None:
    message = (
        "[NL201] at 'fc1': unknown role 'wieght'\n"
        "  supported: weight, bias, result\n"
        "  to do: did you mean 'weight'?"
    )
    assert refusal({"layers": {"fc1": {"wieght": "fixed<8,2>"}}}) == message
    assert refusal("fc1: wieght=fixed<8,2>") == message


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (
            16,
            "[NL203] at 'precision': precision is a int\n"
            "  supported: a string, or a dict with the keys 'model' and 'layers'",
        ),
        (
            {"layers": "fixed<8,2>"},
            "[NL203] at 'precision': precision['layers'] is a str\n"
            "  supported: a dict of layer name or pattern: format, or {role: format}",
        ),
        (
            {"layers": {"a;b": "fixed<8,2>"}},
            "[NL203] at 'a;b': the layer pattern 'a;b' has one of the characters ; \" \\ \n\n"
            "  supported: ? in place of such a character",
        ),
    ],
)
def test_values_of_the_wrong_kind(value: Any, found: str) -> None:
    assert refusal(value) == found


def test_pattern_that_matches_no_layer() -> None:
    config = PrecisionConfig.from_user({"layers": {"fc_1": "fixed<8,2>"}})
    with pytest.raises(CompileError) as caught:
        config.check_patterns(["fc2", "fc1", "fc1"])
    assert str(caught.value) == (
        "[NL202] at 'fc_1': 'fc_1' matches no layer\n"
        "  supported: the layers fc1, fc2\n"
        "  to do: did you mean 'fc1'?"
    )


def test_long_lists_of_layers_are_cut() -> None:
    config = PrecisionConfig.from_user({"layers": {"zzzzz": "fixed<8,2>"}})
    with pytest.raises(CompileError) as caught:
        config.check_patterns([f"layer{index:02d}" for index in range(20)])
    assert caught.value.supported.endswith("layer11, ...")
    assert caught.value.hint == "names and glob patterns such as 'fc*' are allowed"


def test_pattern_without_effect() -> None:
    config = PrecisionConfig.from_user({"layers": {"fc1": {"bias": "fixed<8,2>"}, "fc2": "fixed<8,2>"}})
    config.check_used({("fc1", "bias"), ("fc2", "result")})
    with pytest.raises(CompileError) as caught:
        config.check_used({("fc1", "weight"), ("fc2", "result")})
    assert str(caught.value) == (
        "[NL202] at 'fc1': 'fc1' has no effect: the formats of bias are the model's own\n"
        "  supported: the layers fc1, fc2\n"
        "  to do: leave the entry out; what the model quantizes stays as it was trained"
    )
