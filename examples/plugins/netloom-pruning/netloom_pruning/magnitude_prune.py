"""magnitude-prune: the smallest weights of a layer become zero, and with them their adders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import check_pattern, matches
from netloom.ir.program import add_note
from netloom_pruning.weights import Weights, weights_of

SCOPES = ("layer", "model")


@dataclass(frozen=True)
class MagnitudePrune(ModulePass):
    """Set the weights of the smallest absolute value to zero, in every matrix product with constants.

    Options:
        sparsity: the part of the weights that is zero afterwards, rounded down to whole weights; those
            that were zero before count.
        scope: `layer` (every layer gets that sparsity) or `model` (one threshold for all of them).
        layers: name or glob pattern of the layers to prune.
    """

    name: ClassVar[str] = "magnitude-prune"
    rounds: ClassVar[bool] = True  # it changes values because the user chose so

    sparsity: float = 0.5
    scope: str = "layer"
    layers: str = "*"

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203.
        """
        if not 0.0 <= self.sparsity <= 1.0:
            raise CompileError(
                "NL203", f"sparsity is {self.sparsity:g}", origin="sparsity", supported="0 to 1"
            )
        if self.scope not in SCOPES:
            raise CompileError(
                "NL203",
                f"scope is '{self.scope}'",
                origin="scope",
                supported=", ".join(SCOPES),
                hint=suggestion(self.scope, SCOPES),
            )

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Choose first, then change: nothing is pruned when a layer is refused.

        Raises:
            CompileError: NL202 for a pattern that matches no layer, NL203 for a layer whose weights
                cannot be zero.
        """
        found = list(weights_of(op))
        if self.layers != "*":
            check_pattern(self.layers, [weights.layer for weights in found])
        chosen = [weights for weights in found if matches(weights.layer, self.layers)]
        for weights in chosen:
            if weights.is_shared:
                add_note(op, weights.layer, "not pruned: something else reads its weights too")
        own = [weights for weights in chosen if not weights.is_shared]
        for weights in own:
            require_zero(weights)
        groups = [own] if self.scope == "model" else [[weights] for weights in own]
        for group in groups:
            prune(op, group, self.sparsity)


def require_zero(weights: Weights) -> None:
    """Refuse weights behind a quantizer that has no zero, such as a bipolar one."""
    if not weights.keeps_zero:
        raise CompileError(
            "NL203",
            "the quantizer of these weights has no zero",
            origin=weights.layer,
            supported="weights that are real or whose quantizer keeps zero",
            hint="leave the layer out with the option 'layers'",
        )


def prune(module: ModuleOp, group: Sequence[Weights], sparsity: float) -> None:
    """Set the smallest weights of a group of layers to zero, and say so in the report."""
    if not group:
        return
    smallest = smallest_of(np.concatenate([weights.magnitudes for weights in group]), sparsity)
    ends = np.cumsum([weights.size for weights in group])
    for weights, end in zip(group, ends.tolist(), strict=True):
        start = end - weights.size
        mine = smallest[(start <= smallest) & (smallest < end)] - start
        weights.zero(mine)
        zeros = weights.size - int(np.count_nonzero(weights.magnitudes))
        add_note(module, weights.layer, f"pruned: {zeros} of {weights.size} weights are zero")


def smallest_of(magnitudes: NDArray[np.float64], sparsity: float) -> NDArray[np.int64]:
    """Numbers of the smallest floor(sparsity * n) magnitudes; of equal ones the first."""
    # The product of, say, 0.29 and 100 is just below 29.
    count = int(np.floor(sparsity * magnitudes.size + 1e-9))
    return np.argsort(magnitudes, kind="stable")[:count]
