"""`da.lut_network`: its type, its range, its bits, and what its verifier refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import BoolAttr, IntegerAttr
from xdsl.utils.exceptions import VerifyException

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of
from netloom.ir.da import LutNetworkOp
from netloom.ir.interval import Interval
from netloom.passes.narrow import narrow
from tests.passes.programs import Program

SIGNED = {
    "address": [[0, 2], [1, 3]],
    "truth": [0b1000, 0b0110],
    "output": [[4, 5, 5], [-2, 4, -1]],
    "input_bits": 2,
    "signed": True,
    "fraction": 1,
}
"""Two inputs of two bits; the first result is -2 * (xor of the upper bits) + (and of the lower ones)."""


def op_of(width: int = 2, **changes: Any) -> LutNetworkOp:
    p = Program(x=fixed_tensor((3, 2), Format(width, width, True)))
    given = SIGNED | changes
    properties = {name: ArrayAttr.of(np.array(given[name])) for name in ("address", "truth", "output")}
    properties |= {name: IntegerAttr(given[name], 64) for name in ("input_bits", "fraction")}
    value = p.op(LutNetworkOp, p.inputs[0], signed=BoolAttr.from_bool(given["signed"]), **properties)
    assert isinstance(value.owner, LutNetworkOp)
    return value.owner


def test_the_type_has_the_range_of_the_tables() -> None:
    op = op_of()
    assert op.result.type == fixed_tensor((3, 2), Format(3, 2, True))
    (interval,) = (op.interval_rule([Interval.of_format(Format(2, 2, True), (3, 2))]),)
    assert interval.low.tolist() == [[-2, 1]] * 3
    assert interval.high.tolist() == [[1, 3]] * 3


def test_results_are_put_together_from_bits() -> None:
    op = op_of()
    x = np.array([[[1, 1], [-2, 1], [-1, 3 - 4]]])
    assert op.evaluate([x]).tolist() == [[[1, 3], [-2, 1], [1, 3]]]


def test_a_narrower_operand_repeats_its_sign() -> None:
    op = op_of(1)
    assert op.evaluate([np.array([[[0, 0], [-1, 0], [-1, -1]]])]).tolist() == [[[0, 1], [-2, 1], [1, 3]]]


def test_a_narrower_result_keeps_its_value() -> None:
    op = op_of(output=[[4, -1, -1], [-2, 4, -1]])
    narrow(op, Interval(np.zeros((3, 2), dtype=np.int64), np.full((3, 2), 3)))
    assert format_of(op.result.type) == Format(2, 1, False)
    op.verify_()
    assert op.evaluate([np.array([[[1, 1], [0, 1], [-1, -1]]])]).tolist() == [[[1, 3], [0, 1], [1, 3]]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_bits": 0}, "1 to 63 input bits"),
        ({"output": [4, 5]}, "a list of bits for each result"),
        ({"output": [[4] * 64, [4] * 64]}, "results have 1 to 63 bits"),
        ({"output": [[6], [0]]}, "a signal or constant"),
        ({"address": [[0, 6], [1, 3]]}, "earlier tables"),
        ({"truth": [16, 1]}, "as many entries"),
    ],
)
def test_what_is_no_network_is_refused(changes: dict[str, Any], message: str) -> None:
    op = op_of().clone()  # one whose network has not been built
    for name, value in changes.items():
        op.properties[name] = (
            IntegerAttr(value, 64) if isinstance(value, int) else ArrayAttr.of(np.array(value))
        )
    with pytest.raises(VerifyException, match=message):
        op.verify_elements({False})
