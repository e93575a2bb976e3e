"""Steps of a reduction: each makes a smaller candidate out of a case, or None where it cannot.

A step looks at a range of things (passes, ops, outputs, ...), so that the reducer can try many at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import BoolAttr, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, SSAValue

from netloom.core.fixed import Format
from netloom.ir.attributes import ArrayAttr, fixed_tensor, format_of, real_tensor, shape_of
from netloom.ir.base import NetloomOp, make
from netloom.ir.fx import ConstantOp, QuantizeOp
from netloom.ir.program import (
    finish_function,
    input_names,
    insert_before,
    main,
    output_names,
    program_ops,
    refresh_type,
    terminator,
)
from netloom.passes.reduce.case import Case
from netloom.passes.reduce.shapes import halving_sizes, sizes

OpValues = Mapping[int, NDArray[Any]]
Output = tuple[str, SSAValue]


@dataclass(frozen=True)
class Edit:
    """A kind of step.

    Attributes:
        name: for progress.
        count: how many things of a case it looks at.
        without: the candidate without the things `start` to `stop`; the values of the case's ops are
            handed in for what takes their place.
        finest: smallest range that is worth a try, for a number of things.
    """

    name: str
    count: Callable[[Case], int]
    without: Callable[[Case, int, int, OpValues], Case | None]
    finest: Callable[[int], int] = lambda count: 1


def without_passes(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Leave out passes; at least one stays."""
    passes = (*case.passes[:start], *case.passes[stop:])
    return replace(case, passes=passes) if passes else None


def without_ops(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Cut ops out: others get their results as new inputs; operands of removed outputs become outputs."""
    candidate, ops = cloned(case)
    function = main(candidate.module)
    chosen = dict(zip(ops[start:stop], range(start, stop), strict=True))
    outputs = remaining_outputs(function, chosen)
    if not outputs:
        return None
    used_before = {op for op in program_ops(function) if op.results[0].uses}
    return_values(function, outputs)
    samples = dict(candidate.samples or {})
    for op, index in chosen.items():
        users = [use.operation for use in op.results[0].uses]
        if any(user not in chosen for user in users):
            name = fresh(f"v{index}", input_names(function))
            op.results[0].replace_all_uses_with(new_input(function, op, name))
            if case.samples is not None:
                samples[name] = real_values(op, values[index], case.samples)
    for op in reversed(chosen):
        function.body.block.erase_op(op)
    refresh_type(function)
    erase_newly_dead(function, used_before)
    return replace(candidate, samples=samples if case.samples is not None else None)


def remaining_outputs(function: FuncOp, chosen: Mapping[NetloomOp, int]) -> list[Output]:
    """Outputs that are not removed, and what the removed ones were computed from."""
    returned = terminator(function).operands
    named = zip(output_names(function), returned, strict=True)
    kept = [(name, value) for name, value in named if value.owner not in chosen]
    if len(kept) == len(returned):
        return kept
    names = output_names(function)
    for op in chosen:
        for operand in op.operands:
            owner = operand.owner
            computed = isinstance(owner, NetloomOp) and not isinstance(owner, ConstantOp)
            if computed and owner not in chosen and all(operand is not value for _, value in kept):
                names.append(fresh("y", names))
                kept.append((names[-1], operand))
    return kept


def new_input(function: FuncOp, op: NetloomOp, name: str) -> SSAValue:
    """A new input in place of an op's result; real, and quantized for a fixed-point result."""
    block = function.body.block
    result = op.results[0]
    names = [*input_names(function), name]
    argument = block.insert_arg(real_tensor(shape_of(result.type)), len(block.args))
    function.attributes["input_names"] = ListAttr([StringAttr(each) for each in names])
    number_format = format_of(result.type)
    if number_format is None:
        return argument
    quantize = port(argument, number_format, op.origin_name)
    block.insert_op_before(quantize, op)
    return quantize.results[0]


def port(argument: SSAValue, number_format: Format, origin: str) -> QuantizeOp:
    """A real input as a hardware port of a format, saturated."""
    numbers = {
        "scale": number_format.step,
        "zero_point": 0.0,
        "low": float(number_format.min_mantissa),
        "high": float(number_format.max_mantissa),
    }
    return make(
        QuantizeOp,
        [argument],
        origin=origin,
        result=fixed_tensor(shape_of(argument.type), number_format),
        rounding=StringAttr("RND_CONV"),
        overflow=StringAttr("SAT"),
        round_first=BoolAttr.from_bool(False),
        **{key: ArrayAttr.of(np.asarray(number)) for key, number in numbers.items()},
    )


def real_values(op: NetloomOp, values: NDArray[Any], samples: Mapping[str, Any]) -> NDArray[Any]:
    """What an op computed, as inputs [n, *shape] of the program that is left."""
    number_format = format_of(op.results[0].type)
    real = values if number_format is None else np.ldexp(values.astype(np.float64), -number_format.fraction)
    count = max((len(array) for array in samples.values()), default=1)
    return np.broadcast_to(real, (count, *real.shape[1:])).copy()


def erase_newly_dead(function: FuncOp, used_before: set[NetloomOp]) -> None:
    """Erase ops that have lost their last use; what was unused from the start may matter to a pass."""
    for op in reversed(program_ops(function)):
        if op in used_before and not op.results[0].uses:
            function.body.block.erase_op(op)


def bypassing_ops(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Put an operand of the same type in the place of each op."""
    candidate, ops = cloned(case)
    function = main(candidate.module)
    used_before = {op for op in program_ops(function) if op.results[0].uses}
    for op in ops[start:stop]:
        same = [operand for operand in op.operands if operand.type == op.results[0].type]
        if same:
            op.results[0].replace_all_uses_with(same[0])
            function.body.block.erase_op(op)
    erase_newly_dead(function, used_before)
    return candidate


def zeroing_ops(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Put a constant zero in the place of each op."""
    candidate, ops = cloned(case)
    function = main(candidate.module)
    used_before = {op for op in program_ops(function) if op.results[0].uses}
    for op in ops[start:stop]:
        kind = np.int8 if op.is_fixed else np.float32
        zeros = ArrayAttr.of(np.zeros(op.result_shape, kind))
        zero = make(ConstantOp, [], origin=op.origin_name, result=op.results[0].type, value=zeros)
        op.results[0].replace_all_uses_with(insert_before(op, zero))
        function.body.block.erase_op(op)
    erase_newly_dead(function, used_before)
    return candidate


def without_outputs(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Leave out outputs; at least one stays."""
    candidate, _ = cloned(case)
    function = main(candidate.module)
    named = list(zip(output_names(function), terminator(function).operands, strict=True))
    kept = [*named[:start], *named[stop:]]
    if not kept:
        return None
    used_before = {op for op in program_ops(function) if op.results[0].uses}
    return_values(function, kept)
    erase_newly_dead(function, used_before)
    return candidate


def without_inputs(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Leave out inputs that nothing uses."""
    candidate, _ = cloned(case)
    function = main(candidate.module)
    block = function.body.block
    names = input_names(function)
    unused: list[BlockArgument[Any]] = [argument for argument in block.args[start:stop] if not argument.uses]
    if not unused:
        return None
    kept = [name for name, argument in zip(names, block.args, strict=True) if argument not in unused]
    outputs = list(zip(output_names(function), terminator(function).operands, strict=True))
    for argument in unused:
        block.erase_arg(argument)
    function.attributes["input_names"] = ListAttr([StringAttr(name) for name in kept])
    return_values(function, outputs)
    samples = case.samples
    return replace(candidate, samples={name: samples[name] for name in kept} if samples is not None else None)


def zeroing_constants(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Set elements of constants to zero, counted through all constants."""
    candidate, _ = cloned(case)
    first = 0
    for op in constants(candidate):
        array = op.value.values
        begin, end = max(start - first, 0), min(stop - first, array.size)
        if begin < end:
            flat = array.ravel().copy()
            flat[begin:end] = 0
            op.properties["value"] = ArrayAttr.of(flat.reshape(array.shape))
        first += array.size
    return candidate


def without_samples(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Leave out rows of the inputs; at least one stays."""
    if case.samples is None or stop - start >= sample_count(case):
        return None
    kept = {name: np.delete(array, slice(start, stop), axis=0) for name, array in case.samples.items()}
    return replace(case, samples=kept)


def zeroing_samples(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Set elements of the inputs to zero, counted through all inputs."""
    zeroed: dict[str, NDArray[Any]] = {}
    first = 0
    for name, array in (case.samples or {}).items():
        flat = array.ravel().copy()
        flat[max(start - first, 0) : max(stop - first, 0)] = 0
        zeroed[name] = flat.reshape(array.shape)
        first += array.size
    return replace(case, samples=zeroed)


def without_attributes(case: Case, start: int, stop: int, values: OpValues) -> Case | None:
    """Leave out what passes have noted on ops and on the module."""
    candidate, _ = cloned(case)
    for op in [candidate.module, *program_ops(main(candidate.module))][start:stop]:
        op.attributes.clear()
    return candidate


def return_values(function: FuncOp, outputs: Sequence[Output]) -> None:
    """Return these values instead."""
    function.body.block.erase_op(terminator(function))
    finish_function(function, outputs)


def cloned(case: Case) -> tuple[Case, list[NetloomOp]]:
    """A copy that may be changed, and its ops."""
    candidate = replace(case, module=case.module.clone())
    return candidate, candidate.ops


def constants(case: Case) -> list[ConstantOp]:
    """The constants of a case."""
    return [op for op in program_ops(main(case.module)) if isinstance(op, ConstantOp)]


def sample_count(case: Case) -> int:
    """Rows of the inputs."""
    return max((len(array) for array in (case.samples or {}).values()), default=0)


def fresh(wanted: str, taken: Sequence[str]) -> str:
    """A name that is not taken yet."""
    return next(name for name in (f"{wanted}_{n}" for n in range(len(taken) + 1)) if name not in taken)


EDITS = (
    Edit("passes", lambda case: len(case.passes), without_passes),
    Edit("outputs", lambda case: len(output_names(main(case.module))), without_outputs),
    Edit("ops", lambda case: len(case.ops), without_ops),
    Edit("bypass", lambda case: len(case.ops), bypassing_ops),
    Edit("zeros", lambda case: len(case.ops), zeroing_ops),
    Edit("inputs", lambda case: len(input_names(main(case.module))), without_inputs),
    Edit("sizes", lambda case: len(sizes(case)), halving_sizes),
    Edit(
        "constants",
        lambda case: sum(op.value.values.size for op in constants(case)),
        zeroing_constants,
        # Every element for itself would take thousands of tests and tell the reader nothing.
        finest=lambda count: max(1, count // 32),
    ),
    Edit("samples", sample_count, without_samples),
    Edit(
        "values",
        lambda case: sum(array.size for array in (case.samples or {}).values()),
        zeroing_samples,
        finest=lambda count: max(1, count // 32),
    ),
    Edit("attributes", lambda case: 1 + len(program_ops(main(case.module))), without_attributes),
)
"""All kinds of steps, in the order of a round."""
