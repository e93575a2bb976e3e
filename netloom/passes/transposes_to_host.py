"""transposes-to-host: what a program reorders at its edges, the host reorders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from netloom.ir.attributes import ArrayAttr, fixed_tensor
from netloom.ir.base import NetloomOp
from netloom.ir.fx import DequantizeOp, QuantizeOp
from netloom.ir.nn import GatherOp, ReshapeOp, TransposeOp
from netloom.ir.program import erase_unused, main, program_ops
from netloom.passes.rewriting import Builder

WIRING = (TransposeOp, ReshapeOp, GatherOp)


@dataclass(frozen=True)
class TransposesToHost(ModulePass):
    """Moves transposes in front of the quantizers of inputs and behind the decoders of outputs.

    A stream has pixels one after another with their channels side by side, whatever the model's files have.
    Elements move on real numbers then, in numpy; the ports of the hardware are in its own order.
    """

    name: ClassVar[str] = "transposes-to-host"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Both edges."""
        function = main(op)
        for candidate in program_ops(function):
            if isinstance(candidate, QuantizeOp):
                before_quantizer(candidate)
        for candidate in program_ops(function):
            if isinstance(candidate, DequantizeOp):
                behind_decoder(candidate)
        erase_unused(function)


def before_quantizer(op: QuantizeOp) -> None:
    """quantize then move becomes move then quantize, where all users move alike."""
    chain = moves_behind(op.result)
    if len(chain) > 1 and is_uniform(op):
        return move_chain(op, chain)
    users = [use.operation for use in op.result.uses]
    first = users[0] if users else None
    if not isinstance(first, TransposeOp) or any(
        not isinstance(user, TransposeOp) or user.order != first.order for user in users
    ):
        return
    build = Builder(op)
    moved = build.op(TransposeOp, [op.input], permutation=first.permutation)
    properties = {name: value for name, value in op.properties.items() if name != "origin"}
    properties |= permuted(op, first.order)
    result = fixed_tensor(first.result_shape, op.result_format)
    value = build.op(QuantizeOp, [moved], result=result, **properties)
    for user in users:
        user.results[0].replace_all_uses_with(value)


def moves_behind(value: SSAValue) -> list[NetloomOp]:
    """Reshapes and transposes that alone read a value, up to the last transpose."""
    chain: list[NetloomOp] = []
    while value.has_one_use():
        user = next(iter(value.uses)).operation
        if not isinstance(user, TransposeOp | ReshapeOp):
            break
        chain.append(user)
        value = user.result
    while chain and not isinstance(chain[-1], TransposeOp):
        chain.pop()
    return chain


def is_uniform(op: QuantizeOp) -> bool:
    """Whether all elements are quantized alike."""
    return all(array.values.size == 1 for array in op.properties.values() if isinstance(array, ArrayAttr))


def move_chain(op: QuantizeOp, chain: list[NetloomOp]) -> None:
    """The host moves the elements, one op after another, and quantizes them then."""
    build, moved = Builder(op), op.input
    for link in chain:
        own = {name: value for name, value in link.properties.items() if name != "origin"}
        moved = build.op(type(link), [moved], **own)
    properties = {name: value for name, value in op.properties.items() if name != "origin"}
    for name, value in properties.items():
        if isinstance(value, ArrayAttr):
            properties[name] = ArrayAttr.of(value.values.reshape(()))
    result = fixed_tensor(chain[-1].result_shape, op.result_format)
    quantized = build.op(QuantizeOp, [moved], result=result, **properties)
    chain[-1].results[0].replace_all_uses_with(quantized)


def permuted(op: NetloomOp, order: tuple[int, ...]) -> dict[str, Attribute]:
    """The parameters of an elementwise op for its operand with permuted axes."""
    changed: dict[str, Attribute] = {}
    for name, value in op.properties.items():
        if isinstance(value, ArrayAttr) and value.values.ndim:
            full = value.values.reshape((1,) * (len(order) - value.values.ndim) + value.values.shape)
            changed[name] = ArrayAttr.of(full.transpose(order))
    return changed


def behind_decoder(op: DequantizeOp) -> None:
    """Move then decode becomes decode then move, from the first transpose on."""
    chain: list[NetloomOp] = []
    value: SSAValue = op.input
    while isinstance(value.owner, WIRING) and value.has_one_use():
        chain.insert(0, value.owner)
        value = value.owner.operands[0]
    while chain and not isinstance(chain[0], TransposeOp):
        value = chain.pop(0).results[0]
    parameters = parameters_behind(op, chain)
    if not chain or parameters is None:
        return
    build = Builder(op)
    result = build.op(DequantizeOp, [value], scale=parameters[0], offset=parameters[1])
    for link in chain:
        properties = {name: each for name, each in link.properties.items() if name != "origin"}
        result = build.op(type(link), [result], **properties)
    build.finish(result)


def parameters_behind(op: DequantizeOp, chain: list[NetloomOp]) -> tuple[ArrayAttr, ArrayAttr] | None:
    """Scale and offset in front of the chain, where they are one number or the chain one transpose."""
    arrays = (op.scale.values, op.offset.values)
    if all(array.ndim == 0 for array in arrays):
        return op.scale, op.offset
    if len(chain) != 1 or not isinstance(chain[0], TransposeOp):
        return None
    back = np.argsort(chain[0].order)
    rank = len(back)
    scale, offset = (
        ArrayAttr.of(array.reshape((1,) * (rank - array.ndim) + array.shape).transpose(back))
        for array in arrays
    )
    return scale, offset
