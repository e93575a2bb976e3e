"""`tree.ensemble`: boosted trees and forests as arrays in one op."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from netloom.core.ensemble import Ensemble, Ints
from netloom.ir.attributes import ArrayAttr
from netloom.ir.base import NetloomOp, Shape, Values, make
from netloom.ir.interval import Interval, check_width

ARRAYS = ("feature", "threshold", "left", "right", "missing_left", "roots", "leaves", "base")
NODE_ARRAYS = ("feature", "left", "right", "roots")

_ENSEMBLES: WeakKeyDictionary[NetloomOp, Ensemble] = WeakKeyDictionary()


@irdl_op_definition
class EnsembleOp(NetloomOp):
    """The sum of one leaf of each of many decision trees, over the last axis.

    A reference r >= 0 is a node, r < 0 is leaf -1 - r. Node i goes to `left`[i] where
    x[`feature`[i]] < `threshold`[i], else to `right`[i]; a NaN goes left where `missing_left`[i]. Branches
    lead to later nodes only, and trees may share nodes. `roots` has a reference for each tree, `leaves` is
    [L, K], and the result is `base` [K] plus the leaves that the trees end in.

    On real numbers thresholds and leaves are float64, and x <= t is x < the next double after t. On
    fixed-point numbers thresholds are mantissas at the operand's fraction, leaves and base are mantissas
    at `fraction`. There is no NaN then. Leading axes are rows that go through the same trees.

    With `memory` the trees stand in memories, and others can take their place at run time: the result is as
    wide as its declared type, whatever these trees give. What is in it says
    `netloom.passes.analysis.tree_memory`.
    """

    name = "tree.ensemble"
    input = operand_def()
    feature = prop_def(ArrayAttr)
    threshold = prop_def(ArrayAttr)
    left = prop_def(ArrayAttr)
    right = prop_def(ArrayAttr)
    missing_left = prop_def(ArrayAttr)
    roots = prop_def(ArrayAttr)
    leaves = prop_def(ArrayAttr)
    base = prop_def(ArrayAttr)
    fraction = opt_prop_def(IntegerAttr)
    memory = opt_prop_def(DictionaryAttr)
    result = result_def()

    @property
    def ensemble(self) -> Ensemble:
        """The trees, built once per op."""
        if self not in _ENSEMBLES:
            whole = self.threshold.values.dtype.kind == "i"
            convert = ArrayAttr.ints if whole else ArrayAttr.reals
            arrays: dict[str, Any] = {name: self._array(name).ints() for name in NODE_ARRAYS}
            arrays |= {name: convert(self._array(name)) for name in REAL}
            missing = self.missing_left.values.astype(np.bool_)
            _ENSEMBLES[self] = Ensemble(self.operand_shapes[0][-1], missing_left=missing, **arrays)
        return _ENSEMBLES[self]

    def _array(self, name: str) -> ArrayAttr:
        return cast(ArrayAttr, self.properties[name])

    @property
    def rows(self) -> int:
        """How many rows go through the trees."""
        return math.prod(self.operand_shapes[0][:-1])

    def shape_rule(self) -> Shape:
        """[..., F] to [..., K]."""
        if not self.operand_shapes[0]:
            raise VerifyException("tree.ensemble: the operand has no axis of features")
        return (*self.operand_shapes[0][:-1], *self.base.values.shape)

    def fraction_rule(self) -> int:
        """As declared: leaves are mantissas."""
        return self.fraction.value.data if self.fraction is not None else 0

    def interval_rule(self, operands: Sequence[Interval]) -> Interval:
        """The sum of the smallest, and of the largest, leaves that the features' ranges can reach.

        Of trees in memories, all that the result's type holds.
        """
        if self.memory is not None and self.is_fixed:
            return Interval.of_format(self.result_format, self.shape_rule())
        low, high = self.ensemble.bounds(*feature_bounds(operands[0]))
        check_width(float(max(np.abs(low).max(initial=0), np.abs(high).max(initial=0))), self.origin_name)
        return Interval(np.broadcast_to(low, self.shape_rule()), np.broadcast_to(high, self.shape_rule()))

    def verify_elements(self, operand_kinds: set[bool]) -> None:
        """The arrays describe trees, in mantissas where the operand is fixed-point."""
        super().verify_elements(operand_kinds)
        kinds = {self._array(name).values.dtype.kind for name in REAL}
        if self.is_fixed and (kinds != {"i"} or self.fraction is None):
            raise VerifyException("tree.ensemble: fixed-point trees hold mantissas and a fraction")
        if not self.is_fixed and "i" in kinds:
            raise VerifyException("tree.ensemble: trees over real numbers hold real numbers")
        try:
            _ = self.ensemble
        except ValueError as error:
            raise VerifyException(f"tree.ensemble: {error}") from error

    def evaluate(self, operands: Sequence[Values]) -> Values:
        """Follow the trees; real results in the type of the operand."""
        x = operands[0]
        found = self.ensemble.evaluate(x.reshape(-1, x.shape[-1]))
        kind = np.int64 if self.is_fixed else x.dtype
        return found.reshape(*x.shape[:-1], found.shape[-1]).astype(kind, copy=False)


EXACT_SCALE = "exact_scale"
"""Attribute of a product with a constant that the host or a table behind it computes: a mean over trees."""

REAL = ("threshold", "leaves", "base")
"""Arrays of real numbers, or of mantissas."""


def feature_bounds(interval: Interval) -> tuple[Ints, Ints]:
    """Bounds int64[F] of each feature over all rows."""
    columns = interval.low.shape[-1]
    low = interval.low.reshape(-1, columns).min(axis=0, initial=np.iinfo(np.int64).max)
    high = interval.high.reshape(-1, columns).max(axis=0, initial=np.iinfo(np.int64).min)
    return low, high


def ensemble_op(
    value: SSAValue,
    ensemble: Ensemble,
    origin: str,
    *,
    fraction: int | None = None,
    result: Attribute | None = None,
    memory: DictionaryAttr | None = None,
) -> EnsembleOp:
    """The op for an ensemble; with `fraction` its thresholds, leaves and base are mantissas."""
    kind = np.float64 if fraction is None else np.int64
    arrays = {name: np.asarray(getattr(ensemble, name)) for name in ARRAYS}
    return make(
        EnsembleOp,
        [value],
        origin=origin,
        result=result,
        fraction=None if fraction is None else IntegerAttr(fraction, 64),
        memory=memory,
        **{name: ArrayAttr.of(a.astype(kind) if name in REAL else a) for name, a in arrays.items()},
    )
