"""nn.window against loops over positions and taps, and its intervals against its values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.utils.exceptions import VerifyException

from netloom.core.fixed import Format
from netloom.ir.base import make
from netloom.ir.interval import Interval
from netloom.ir.nn import WindowOp, element_map, window_map
from tests.ir.values import array, fixed, real, word

Array = NDArray[Any]
FORMAT = Format(5, 2)


@st.composite
def windows(draw: Any) -> dict[str, list[int]]:
    """Properties whose windows fit into images of 3 to 6 pixels."""
    pair = st.lists(st.integers(1, 3), min_size=2, max_size=2)
    small = st.lists(st.integers(1, 2), min_size=2, max_size=2)
    pads = st.lists(st.integers(0, 2), min_size=4, max_size=4)
    return {
        "size": draw(st.lists(st.integers(3, 6), min_size=2, max_size=2)),
        "kernel": draw(pair),
        "strides": draw(pair),
        "dilations": draw(small),
        "padding": draw(pads),
    }


def fits(given_: dict[str, list[int]]) -> bool:
    spans = [(given_["kernel"][i] - 1) * given_["dilations"][i] + 1 for i in (0, 1)]
    return all(
        given_["size"][i] + given_["padding"][i] + given_["padding"][i + 2] >= spans[i] for i in (0, 1)
    )


def window(operand: Any, given_: dict[str, list[int]], fill: str) -> WindowOp:
    names = ("kernel", "strides", "dilations", "padding")
    return make(WindowOp, [operand], fill=word(fill), **{name: array(given_[name]) for name in names})


def by_loops(x: Array, given_: dict[str, list[int]], fill: Any) -> Array:
    """The definition, element by element, for images [H, W, C]."""
    (height, width), channels = given_["size"], x.shape[-1]
    (down, across), (below, beside) = given_["strides"], given_["dilations"]
    top, left, bottom, right = given_["padding"]
    rows = (height + top + bottom - (given_["kernel"][0] - 1) * below - 1) // down + 1
    columns = (width + left + right - (given_["kernel"][1] - 1) * beside - 1) // across + 1
    result = np.full((rows, columns, *given_["kernel"], channels), fill, dtype=x.dtype)
    for position in np.ndindex(rows, columns, *given_["kernel"]):
        row = position[0] * down - top + position[2] * below
        column = position[1] * across - left + position[3] * beside
        if 0 <= row < height and 0 <= column < width:
            result[position] = x[row, column]
    return result


@given(windows().filter(fits), st.sampled_from(["zero", "lowest"]), st.integers(0, 99))
def test_window_of_fixed_point_numbers(given_: dict[str, list[int]], fill: str, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-16, 16, size=(*given_["size"], 2))
    op = window(fixed((1, *x.shape), FORMAT), given_, fill)
    expected = by_loops(x, given_, 0 if fill == "zero" else FORMAT.min_mantissa)
    assert op.result_shape == (1, *expected.shape)
    assert np.array_equal(op.evaluate([x[None, None]])[0, 0], expected)


@given(windows().filter(fits), st.sampled_from([("zero", 0.0), ("lowest", -np.inf)]))
def test_window_of_real_numbers(given_: dict[str, list[int]], fill: tuple[str, float]) -> None:
    x = np.arange(np.prod(given_["size"]), dtype=np.float64).reshape(*given_["size"], 1)
    op = window(real((1, *x.shape)), given_, fill[0])
    assert np.array_equal(op.evaluate([x[None, None]])[0, 0], by_loops(x, given_, fill[1]))


@given(windows().filter(fits))
def test_map_of_a_window_tells_where_its_elements_come_from(given_: dict[str, list[int]]) -> None:
    x = np.arange(np.prod(given_["size"]) * 2).reshape(*given_["size"], 2)
    op = window(fixed((1, *x.shape), FORMAT), given_, "zero")
    assert np.array_equal(window_map(op)[0], by_loops(x, given_, -1))


@given(windows().filter(fits), st.sampled_from(["zero", "lowest"]), st.integers(0, 99))
def test_interval_of_a_window_holds_its_values(given_: dict[str, list[int]], fill: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = np.sort(random.integers(-16, 16, size=(2, 1, *given_["size"], 2)), axis=0)
    op = window(fixed(ends.shape[1:], FORMAT), given_, fill)
    interval = op.interval_rule([Interval(ends[0], ends[1])])
    low, high = (op.evaluate([bound[None]])[0] for bound in ends)
    assert np.all(interval.low <= low) and np.all(high <= interval.high)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": [7, 1]}, "does not fit into"),
        ({"kernel": [0, 1]}, "two positive integers"),
        ({"strides": [1, 1, 1]}, "two positive integers"),
        ({"padding": [0, 0, -1, 0]}, "four integers that are not negative"),
    ],
)
def test_windows_that_mean_nothing_are_refused(change: dict[str, list[int]], message: str) -> None:
    plain = {"kernel": [2, 2], "strides": [1, 1], "dilations": [1, 1], "padding": [0, 0, 0, 0]}
    with pytest.raises(VerifyException, match=message):
        window(fixed((1, 4, 4, 2), FORMAT), {**plain, **change}, "zero")


def test_only_windows_within_the_image_have_a_map_of_elements() -> None:
    plain = {"kernel": [1, 1], "strides": [2, 1], "dilations": [1, 1], "padding": [0, 0, 0, 0]}
    picked = window(fixed((1, 3, 2, 1), FORMAT), plain, "zero")
    assert element_map(picked).tolist() == [0, 1, 4, 5]
    with pytest.raises(VerifyException, match="elements that are in no operand"):
        element_map(window(fixed((1, 3, 2, 1), FORMAT), {**plain, "padding": [1, 0, 0, 0]}, "zero"))


def test_an_unknown_fill_is_refused() -> None:
    plain = {"kernel": [2, 2], "strides": [1, 1], "dilations": [1, 1], "padding": [0, 0, 0, 0]}
    with pytest.raises(VerifyException, match="fill edge is not one of zero, lowest"):
        window(fixed((1, 4, 4, 2), FORMAT), plain, "edge").verify()
