"""Constant arrays: equal by content, smallest storage, immutable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netloom.core.fixed import Format
from netloom.ir.attributes import (
    Array,
    ArrayAttr,
    FixedType,
    fixed_tensor,
    format_of,
    is_real_tensor,
    real_tensor,
)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 127], "i8"),
        ([-128], "i8"),
        ([128], "i16"),
        ([-32769], "i32"),
        ([2**31], "i64"),
        ([True, False], "i8"),
        ([0.5], "f64"),
        (np.float32(0.5), "f32"),
        (np.float16(0.5), "f32"),
        (np.zeros(0, np.int64), "i8"),
    ],
)
def test_storage_is_the_smallest_that_holds_all(values: object, kind: str) -> None:
    assert Array(np.asarray(values)).dtype == kind


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integers_are_kept(values: list[int]) -> None:
    assert ArrayAttr.of(np.array(values, dtype=np.int64)).ints().tolist() == values


def test_arrays_of_one_content_are_equal_whatever_they_came_from() -> None:
    a, b = Array(np.array([[1, 2], [3, 4]])), Array(np.array([[1, 3], [2, 4]], dtype=np.uint8).T)
    assert a == b
    assert hash(a) == hash(b)
    assert ArrayAttr(a) == ArrayAttr(b)
    assert len({ArrayAttr(a), ArrayAttr(b)}) == 1


@pytest.mark.parametrize(
    "other",
    [np.array([1, 2, 3, 5]), np.array([[1, 2], [3, 4]]), np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 2, 3])],
)
def test_arrays_of_other_content_shape_or_kind_differ(other: np.ndarray) -> None:
    assert Array(np.array([1, 2, 3, 4])) != Array(other)


def test_negative_zero_is_not_zero() -> None:
    assert Array(np.array([0.0])) != Array(np.array([-0.0]))


def test_a_constant_cannot_change_afterwards() -> None:
    source = np.array([1.0, 2.0])
    attribute = ArrayAttr.of(source)
    source[0] = 9.0
    assert attribute.values.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        attribute.values[0] = 9.0


def test_what_no_array_holds() -> None:
    with pytest.raises(TypeError, match="no constant array of dtype"):
        ArrayAttr.of(np.array(["a"]))
    with pytest.raises(OverflowError, match="constant does not fit 64 bits"):
        ArrayAttr.of(np.array([2**64 - 1], dtype=np.uint64))


@given(st.integers(0, 63), st.integers(-100, 100), st.booleans())
def test_type_of_a_format(width: int, integer: int, signed: bool) -> None:
    number_format = Format(width, integer, signed)
    assert FixedType.of(number_format).format == number_format
    assert format_of(fixed_tensor((2, 3), number_format)) == number_format
    assert str(FixedType.of(number_format)) == (
        f"!fx.fixed<{width}, {integer}, {'signed' if signed else 'unsigned'}>"
    )


def test_real_tensors() -> None:
    assert is_real_tensor(real_tensor((2, 3)))
    assert not is_real_tensor(fixed_tensor((2, 3), Format(8, 4)))
    assert format_of(real_tensor((2, 3))) is None
