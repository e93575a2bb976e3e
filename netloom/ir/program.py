"""A module as one function: its inputs, outputs and the order of its ops."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import BoolAttr, FunctionType, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from netloom.core.diagnostics import CompileError, Note
from netloom.ir.base import NetloomOp

KEPT_ATTRIBUTES = ("real_scale", "real_offset")
"""Attributes that say what a value stands for, and move with it when its op is replaced."""


def new_function(
    inputs: Sequence[tuple[str, Attribute]], *, batched: bool, source_name: str = "model"
) -> tuple[ModuleOp, FuncOp]:
    """An empty `main` function with named inputs, in a module.

    Args:
        inputs: name and type of each input.
        batched: whether axis 0 of inputs and outputs counts samples (and has size 1 here).
        source_name: name of the model, kept for project names.
    """
    block = Block(arg_types=[type_ for _, type_ in inputs])
    function = FuncOp("main", FunctionType.from_lists([t for _, t in inputs], []), Region(block))
    function.attributes["input_names"] = _names([name for name, _ in inputs])
    function.attributes["batched"] = BoolAttr.from_bool(batched)
    function.attributes["model"] = StringAttr(source_name)
    return ModuleOp([function]), function


def finish_function(function: FuncOp, outputs: Sequence[tuple[str, SSAValue]]) -> None:
    """Add the return of named outputs and set the function's type."""
    function.body.block.add_op(ReturnOp(*[value for _, value in outputs]))
    function.attributes["output_names"] = _names([name for name, _ in outputs])
    refresh_type(function)


def refresh_type(function: FuncOp) -> None:
    """Make the declared type agree with the block's arguments and the returned values."""
    block = function.body.block
    function.properties["function_type"] = FunctionType.from_lists(
        list(block.arg_types), [operand.type for operand in terminator(function).operands]
    )


def _names(names: Sequence[str]) -> ListAttr[StringAttr]:
    return ListAttr([StringAttr(name) for name in names])


def main(module: ModuleOp) -> FuncOp:
    """The module's `main` function.

    Raises:
        CompileError: NL112 when there is none.
    """
    for op in module.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main":
            return op
    raise CompileError(
        "NL112", "the module has no function named main", hint="write the program as func @main"
    )


def terminator(function: FuncOp) -> ReturnOp:
    """The function's return."""
    last = function.body.block.last_op
    if not isinstance(last, ReturnOp):
        raise CompileError("NL112", "function main does not end with func.return")
    return last


def _name_list(function: FuncOp, key: str, prefix: str, count: int) -> list[str]:
    attribute = function.attributes.get(key)
    if isinstance(attribute, ListAttr):
        return [name.data for name in attribute if isinstance(name, StringAttr)]
    return [f"{prefix}{index}" for index in range(count)]


def input_names(function: FuncOp) -> list[str]:
    """Names of the inputs, in order."""
    return _name_list(function, "input_names", "x", len(function.body.block.args))


def output_names(function: FuncOp) -> list[str]:
    """Names of the outputs, in order."""
    return _name_list(function, "output_names", "y", len(terminator(function).operands))


def is_batched(function: FuncOp) -> bool:
    """Whether axis 0 counts samples."""
    attribute = function.attributes.get("batched")
    return isinstance(attribute, IntegerAttr) and bool(attribute.value.data)


def model_name(function: FuncOp) -> str:
    """Name of the model."""
    attribute = function.attributes.get("model")
    return attribute.data if isinstance(attribute, StringAttr) else "model"


def program_ops(function: FuncOp) -> list[NetloomOp]:
    """The ops of the function in order, without the return."""
    return [op for op in function.body.block.ops if isinstance(op, NetloomOp)]


def add_note(module: ModuleOp, origin: str, text: str) -> None:
    """Record a remark for the report on the module."""
    existing = module.attributes.get("notes")
    notes = list(existing) if isinstance(existing, ListAttr) else []
    notes.append(ListAttr([StringAttr(origin), StringAttr(text)]))
    module.attributes["notes"] = ListAttr(notes)


def notes(module: ModuleOp) -> list[Note]:
    """The remarks of all passes, in order."""
    existing = module.attributes.get("notes")
    found: list[Note] = []
    for entry in existing if isinstance(existing, ListAttr) else ():
        if isinstance(entry, ListAttr):
            texts = [part.data for part in entry if isinstance(part, StringAttr)]
            found.append(Note(texts[0], texts[1]))
    return found


def erase_unused(function: FuncOp) -> None:
    """Erase ops without users, last first."""
    for op in reversed(program_ops(function)):
        if not any(result.uses for result in op.results):
            function.body.block.erase_op(op)


def insert_before(anchor: Operation, op: NetloomOp) -> SSAValue:
    """Insert `op` before `anchor` and return its result."""
    block = anchor.parent_block()
    if block is None:
        raise ValueError("the anchor is not in a block")
    block.insert_op_before(op, anchor)
    return op.results[0]


def replace(op: NetloomOp, value: SSAValue) -> None:
    """Replace all uses of the op's result by `value` and erase the op.

    What is known about the op's value (its real scale, an observed range) stays with it.
    """
    owner = value.owner
    if isinstance(owner, NetloomOp):
        for key in KEPT_ATTRIBUTES:
            if key in op.attributes:
                owner.attributes.setdefault(key, op.attributes[key])
    op.results[0].replace_all_uses_with(value)
    block = op.parent_block()
    if block is not None:
        block.erase_op(op)
