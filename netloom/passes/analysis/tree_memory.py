"""Trees in memories: what the property `memory` of `tree.ensemble` says, with what follows from the op.

The property is a dictionary of whole numbers by the names of `netloom.core.tree_memory.TreeMemory`; passes
add to it. `precision` is the format that was chosen for the scores, as text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, Operation

from netloom.core.device import Device
from netloom.core.diagnostics import CompileError
from netloom.core.ensemble import Ensemble
from netloom.core.fixed import Format, Precision
from netloom.core.tree_memory import TreeMemory, TreeWords, misfit, tree_words
from netloom.ir.interval import Interval
from netloom.ir.tree import EnsembleOp, feature_bounds
from netloom.passes.tree_simplify import simplified

FIELDS = tuple(option.name for option in dataclasses.fields(TreeMemory))
CAPACITY = ("trees", "depth", "nodes", "one_class", "reuse_factor")
"""Without these there is no hardware."""
SCORES = "scores"
"""Entry that names the format of the scores, as text, while other trees are compiled for a design."""


def with_entries(memory: DictionaryAttr | None, **entries: int | str) -> DictionaryAttr:
    """The property with further entries, or other values."""
    old = {} if memory is None else dict(memory.data)
    new: dict[str, Attribute] = {
        name: StringAttr(value) if isinstance(value, str) else IntegerAttr(int(value), 64)
        for name, value in entries.items()
    }
    return DictionaryAttr(old | new)


def entries(op: EnsembleOp) -> dict[str, int]:
    """The whole numbers of the property."""
    data = {} if op.memory is None else op.memory.data
    return {name: value.value.data for name, value in data.items() if isinstance(value, IntegerAttr)}


def quantized(memory: DictionaryAttr, precision: str) -> tuple[DictionaryAttr, Format | None]:
    """The property on fixed-point numbers, and the format of the scores that a design has already."""
    left = {name: value for name, value in memory.data.items() if name != SCORES}
    given = memory.data.get(SCORES)
    scores = Precision.parse(given.data).format if isinstance(given, StringAttr) else None
    return with_entries(DictionaryAttr(left), precision=precision), scores


def memory_of(op: EnsembleOp) -> TreeMemory:
    """What the hardware of a fixed-point op is built for.

    Raises:
        CompileError: NL308 when a pass has not been run.
    """
    known = entries(op)
    if any(name not in known for name in CAPACITY):
        raise CompileError(
            "NL308",
            "the trees stand in memories without a capacity",
            origin=op.origin_name,
            hint="run the passes 'replaceable-trees', 'set-reuse-factors' and 'place-trees' before",
        )
    given = {name: known[name] for name in FIELDS if name in known}
    return TreeMemory(
        one_class=bool(given.pop("one_class")),
        select_register=bool(given.pop("select_register", 1)),
        features=op.operand_shapes[0][-1],
        input_bits=max(op.operand_formats[0].width, 1),
        outputs=op.ensemble.n_outputs,
        result_bits=max(op.result_format.width, 1),
        **given,
    )


def decided(trees: Ensemble, source: Format) -> Ensemble:
    """The same results from comparisons that both can go both ways with numbers of a format."""
    low, high = feature_bounds(Interval.of_format(source, (trees.n_features,)))
    return simplified(trees, low, high)


def words_of(op: EnsembleOp, trees: Ensemble | None = None) -> TreeWords:
    """What stands in the memories for these trees; by default for the op's own.

    Raises:
        CompileError: NL610 when they do not fit.
    """
    memory, source = memory_of(op), op.operand_formats[0]
    chosen = decided(op.ensemble if trees is None else trees, source)
    low, high = chosen.bounds(*feature_bounds(Interval.of_format(source, (chosen.n_features,))))
    result = op.result_format
    if low.min(initial=0) < result.min_mantissa or high.max(initial=0) > result.max_mantissa:
        needed = Format.for_range(int(low.min(initial=0)), int(high.max(initial=0)), result.fraction)
        raise misfit(
            op.origin_name,
            f"scores may reach {needed.min_value:g} to {needed.max_value:g}",
            f"scores in {result}: {result.min_value:g} to {result.max_value:g}",
            "compile a design with more integer bits for its scores: precision={'layers': {...}}",
        )
    return tree_words(memory, chosen, op.origin_name)


def in_memories(ops: Sequence[Operation]) -> list[EnsembleOp]:
    """The ensembles among ops whose trees stand in memories."""
    return [op for op in ops if isinstance(op, EnsembleOp) and op.memory is not None]


def all_in_memories(module: ModuleOp) -> list[EnsembleOp]:
    """The same of a whole program, also in the stages of a stream, in order."""
    return in_memories(list(module.walk()))


def select_ns(memory: TreeMemory, device: Device) -> float:
    """Delay of the selector of a feature: two levels of it are a lookup table."""
    return -(-memory.feature_bits // 2) * device.level_ns


def compare_ns(memory: TreeMemory, device: Device) -> float:
    """Delay of a comparison, the choice of a branch, and the address of a memory."""
    return device.adder_ns(memory.input_bits) + 2 * device.level_ns


def loop_ns(memory: TreeMemory, device: Device) -> float:
    """Delay from the word of a node to the address of the next."""
    return select_ns(memory, device) + compare_ns(memory, device)
