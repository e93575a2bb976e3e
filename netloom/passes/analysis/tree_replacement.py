"""Other trees for a design: what their compilation must keep, and whether their hardware is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue

from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Overflow, Precision, Rounding
from netloom.core.precision import PrecisionConfig
from netloom.core.tree_memory import counted, misfit
from netloom.ir.attributes import format_of
from netloom.ir.flow import FlowOp
from netloom.ir.fx import ConstantOp, QuantizeOp
from netloom.ir.program import input_names, main, program_ops
from netloom.ir.tree import EnsembleOp
from netloom.ir.tree.ensemble import ARRAYS
from netloom.passes.analysis.hardware import hardware
from netloom.passes.analysis.tree_memory import CAPACITY, SCORES, all_in_memories, entries, with_entries

SAME_HINT = "the model must be read and used as the first one: same objective, same inputs, same options"
NAMES = ("origin", "label")
"""Properties that are names."""


@dataclass(frozen=True)
class Kept:
    """What a design fixes for trees that come after.

    Attributes:
        input_precision: formats of its inputs, as text, for these names of inputs.
        precision: formats of layers, as text.
    """

    input_precision: str
    precision: str


def keep(design: ModuleOp, model: ModuleOp, precision: str) -> Kept:
    """Give the ensembles of an imported model the memories of a design's, in order.

    Args:
        design: the compiled program.
        model: imported and cleaned, on real numbers; it is changed.
        precision: formats of layers that the design was compiled with.

    Raises:
        CompileError: NL203 for a design without trees in memories, NL610 when there are not as many
            ensembles, inputs, features or scores.
    """
    old = all_in_memories(design)
    new = [op for op in program_ops(main(model)) if isinstance(op, EnsembleOp)]
    if not old:
        raise CompileError(
            "NL203",
            "no trees of the design stand in memories",
            origin="strategy",
            supported="designs of strategy 'memory'",
            hint="compile it with strategy='memory'",
        )
    if len(new) < len(old):
        found = f"the model has {counted(len(new), 'ensemble')} of trees"
        raise misfit("", found, counted(len(old), "ensemble"), SAME_HINT)
    config = PrecisionConfig.parse(precision)
    layers = list(config.layers)
    for before, after in zip(old, _counterparts(old, new), strict=True):
        _check_sizes(before, after)
        numbers = {name: entries(before)[name] for name in CAPACITY if name != "reuse_factor"}
        after.memory = with_entries(None, **numbers, **{SCORES: str(before.result_format)})
        chosen = before.memory.data.get("precision") if before.memory is not None else None
        if isinstance(chosen, StringAttr):
            layers.append((after.origin_name, "result", Precision.parse(chosen.data)))
    return Kept(_input_precision(design, model), str(PrecisionConfig(config.model, tuple(layers))))


def _counterparts(old: Sequence[EnsembleOp], new: Sequence[EnsembleOp]) -> list[EnsembleOp]:
    """The ensembles by the names of the old ones, else by their order."""
    by_name = {op.origin_name: op for op in new}
    if len(by_name) == len(new) and all(op.origin_name in by_name for op in old):
        return [by_name[op.origin_name] for op in old]
    if len(new) != len(old):
        found = f"the model has {counted(len(new), 'ensemble')} of trees"
        raise misfit("", found, counted(len(old), "ensemble"), SAME_HINT)
    return list(new)


def _check_sizes(before: EnsembleOp, after: EnsembleOp) -> None:
    new, old = after.ensemble, before.ensemble
    sizes = (
        (new.n_features, old.n_features, "read", "feature"),
        (new.n_outputs, old.n_outputs, "give", "score"),
    )
    for found, wanted, verb, noun in sizes:
        if found != wanted:
            what = f"the trees {verb} {counted(found, noun)}"
            raise misfit(before.origin_name, what, counted(wanted, noun), SAME_HINT)


def _input_precision(design: ModuleOp, model: ModuleOp) -> str:
    """The formats that were chosen for the inputs of a design, by the names of the model's."""
    old, new = input_names(main(design)), input_names(main(model))
    if len(old) != len(new):
        what = f"the model has {counted(len(new), 'input')}"
        raise misfit("", what, counted(len(old), "input"), SAME_HINT)
    chosen = {
        op.origin_name: _precision(op) for op in program_ops(main(design)) if isinstance(op, QuantizeOp)
    }
    found = (f"{name}={chosen[before]}" for before, name in zip(old, new, strict=True) if before in chosen)
    return "; ".join(found)


def _precision(op: QuantizeOp) -> Precision:
    overflow = Overflow(op.overflow.data)
    if overflow is Overflow.SAT and op.low.reals().item() > op.result_format.min_mantissa:
        overflow = Overflow.SAT_SYM
    return Precision(op.result_format, Rounding(op.rounding.data), overflow)


def check_same_hardware(design: ModuleOp, other: ModuleOp) -> None:
    """Refuse a program whose hardware is another but for what stands in memories.

    Raises:
        CompileError: NL610 with the first difference.
    """
    for before, after in zip(all_in_memories(design), all_in_memories(other), strict=True):
        _check_formats(before, after)
    old, new = list(_parts(design)), list(_parts(other))
    for kept, found in zip(old, new, strict=False):
        if kept != found:
            raise misfit(found.name, f"the hardware would be another: {found.text}", kept.text, SAME_HINT)
    if len(old) != len(new):
        raise misfit("", f"the hardware would have {len(new)} parts", f"{len(old)} parts", SAME_HINT)


def _check_formats(before: EnsembleOp, after: EnsembleOp) -> None:
    """The trees read and give numbers of the same formats."""
    if after.operand_formats != before.operand_formats:
        found, wanted = after.operand_formats[0], before.operand_formats[0]
        raise misfit(before.origin_name, f"the trees read {found}", f"{wanted}", SAME_HINT)
    if after.result_format != before.result_format:
        hint = "compile a design with more integer bits for its scores: precision={'layers': {...}}"
        raise misfit(
            before.origin_name, f"scores need {after.result_format}", f"{before.result_format}", hint
        )


@dataclass(frozen=True)
class Part:
    """An input or op of the hardware.

    Attributes:
        name: for messages.
        text: what it is, for messages.
        content: all that counts.
    """

    name: str = field(compare=False)
    text: str = field(compare=False)
    content: Any


def _parts(module: ModuleOp) -> Iterator[Part]:
    """The hardware without names, and without what memories hold."""
    numbers: dict[SSAValue, int] = {}
    program = hardware(module)
    for value, port in program.inputs:
        numbers[value] = len(numbers)
        text = f"an input of {'x'.join(map(str, port.shape))} of {port.format}"
        yield Part(port.name, text, (port.shape, port.format))
    streams = [op for op in program_ops(main(module)) if isinstance(op, FlowOp)]
    for op in (inner for each in (streams or program.ops) for inner in each.walk()):
        constants = [operand.owner for operand in op.operands if isinstance(operand.owner, ConstantOp)]
        for new in (*(each for each in constants if each.results[0] not in numbers), op):
            yield _part(new, numbers)
            inside = (argument for region in new.regions for argument in region.block.args)
            for value in (*new.results, *inside):
                numbers.setdefault(value, len(numbers))


def _part(op: Operation, numbers: Mapping[SSAValue, int]) -> Part:
    in_memory = isinstance(op, EnsembleOp) and op.memory is not None
    left_out = (*NAMES, *ARRAYS) if in_memory else NAMES
    properties = {name: each for name, each in op.properties.items() if name not in left_out}
    types = tuple(result.type for result in op.results)
    operands = tuple(numbers.get(operand, -1) for operand in op.operands)
    origin = op.properties.get("origin")
    name = origin.data if isinstance(origin, StringAttr) else op.name
    formats = ", ".join(str(format_of(type_) or "real numbers") for type_ in types)
    return Part(name, f"{op.name} of {formats}", (op.name, types, operands, properties))
