"""`nn.matmul`, and `nn.dense` with a multiplier for each weight or with shared ones."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import SSAValue

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe, number_format
from netloom.backends.hls.pragmas import PIPELINE_LOOP, REGISTERS
from netloom.backends.hls.text import Table, Whole, indented, index_expression, loop, mantissas, whole
from netloom.backends.indexing import Ints
from netloom.core.diagnostics import CompileError
from netloom.core.fixed import Format
from netloom.ir.fx import ConstantOp
from netloom.ir.nn import DenseOp, MatMulOp
from netloom.passes.analysis.reuse import reuse_factor


def matmul(op: MatMulOp, context: Context) -> Layer:
    """The function of a product of two tensors."""
    rank = len(op.result_shape)
    terms = op.operand_shapes[0][-1]
    left, left_tables = _first(op, 0, rank, f"{context.name}_a_first")
    right, right_tables = _first(op, 1, rank, f"{context.name}_b_first")
    columns = op.operand_shapes[1][-1]
    step = "k" if columns == 1 else f"k * {columns}"
    kind = whole(_sum_bits(op.operand_formats[0], op.operand_formats[1], terms))
    factors = (
        f"mantissa(a[{_plus(left, 'k')}]).{kind.convert}",
        f"mantissa(b[{_plus(right, step)}]).{kind.convert}",
    )
    inner = [
        f"{kind.type} sum = 0;",
        *loop(context.vendor, "k", terms, [f"sum += {kind.product(*factors)};"]),
        f"y[o] = number<{context.result}>(sum);",
    ]
    return Layer(
        (f"Products of {terms} terms each.", f"Gives {describe(op.result)}."),
        (Operand("a", 0), Operand("b", 1)),
        tuple(loop(context.vendor, "o", math.prod(op.result_shape), inner)),
        (*left_tables, *right_tables),
    )


def _sum_bits(left: Format, right: Format, terms: int) -> int:
    """Bits of a signed sum of products, and of a term that is added to it."""
    return left.width + right.width + terms.bit_length() + 3


def _plus(first: str, step: str) -> str:
    return step if first == "0" else f"{first} + {step}"


def _first(op: MatMulOp, index: int, rank: int, name: str) -> tuple[str, tuple[Table, ...]]:
    """For result o, the element number of an operand's first term."""
    shape = op.operand_shapes[index]
    positions = np.arange(math.prod(shape), dtype=np.int64).reshape((1,) * (rank - len(shape)) + shape)
    terms_start = positions[..., :1] if index == 0 else positions[..., :1, :]
    return index_expression(np.broadcast_to(terms_start, op.result_shape), "o", name)


def dense(op: DenseOp, context: Context) -> Layer:
    """The function of a constant matrix product, by its strategy.

    Raises:
        CompileError: NL308 for weights in a memory outside the chip.
    """
    if op.weight_port is not None:
        raise CompileError(
            "NL308",
            f"weights outside the chip in a design for {context.vendor.title}",
            origin=op.origin_name,
            supported="such layers in backend 'vhdl' with io='stream'",
            hint="leave out the pass 'place-weights'",
        )
    return _shared(op, context) if op.strategy.data == "resource" else _unrolled(op, context)


def _constant(value: SSAValue) -> Ints:
    owner = value.owner
    assert isinstance(owner, ConstantOp)
    return owner.value.ints()


def _tables(op: DenseOp, context: Context, order: Ints) -> tuple[list[Table], str]:
    """Weights in the given order, and biases; and what a sum of output `o` starts from."""
    rows, columns = op.operand_shapes[1]
    about = f"mantissas of weights [{rows} x {columns}], {number_format(op.weight)}"
    tables = [mantissas(f"{context.name}_weight", _constant(op.weight).reshape(-1)[order], about)]
    if op.bias is None:
        return tables, "0"
    bias = f"{context.name}_bias"
    about = f"mantissas of biases, {number_format(op.bias)}"
    return [*tables, mantissas(bias, _constant(op.bias), about)], f"{bias}[o]"


def _sum_type(op: DenseOp) -> Whole:
    """The type of sums: they hold every partial sum, and the bias."""
    bits = _sum_bits(op.operand_formats[0], op.operand_formats[1], op.operand_shapes[1][0])
    bias = number_format(op.bias).width + 2 if op.bias is not None else 0
    return whole(max(bits, bias))


def _unrolled(op: DenseOp, context: Context) -> Layer:
    """Every product at once; the inputs' mantissas are taken once for all outputs."""
    terms, outputs = op.operand_shapes[1]
    rows = math.prod(op.operand_shapes[0][:-1])
    tables, start = _tables(op, context, np.arange(terms * outputs))
    row = "row * {} + " if rows > 1 else ""
    kind, vendor = _sum_type(op), context.vendor
    take = f"m[k] = mantissa(x[{row.format(terms)}k]).{kind.convert};"
    product = kind.product(f"{context.name}_weight[k * {outputs} + o]", "m[k]")
    inner = [
        f"{kind.type} sum = {start};",
        *loop(vendor, "k", terms, [f"sum += {product};"]),
        f"y[{row.format(outputs)}o] = number<{context.result}>(sum);",
    ]
    body = [
        *vendor.pragma(REGISTERS, "before", name="m"),
        f"{kind.type} m[{terms}];",
        *vendor.pragma(REGISTERS, "inside", name="m"),
        *loop(vendor, "k", terms, [take]),
        *loop(vendor, "o", outputs, inner),
    ]
    return Layer(
        (f"Products of {terms} terms each, a multiplier for each weight.", f"Gives {describe(op.result)}."),
        (Operand("x", 0),),
        tuple(loop(vendor, "row", rows, body) if rows > 1 else body),
        tuple(tables),
    )


def _shared(op: DenseOp, context: Context) -> Layer:
    """One step a clock cycle, all of it one loop; weights lie in the order of the steps."""
    steps = reuse_factor(op)
    terms, outputs = op.operand_shapes[1]
    rows = math.prod(op.operand_shapes[0][:-1])
    lanes, count = terms * outputs // steps, rows * outputs
    tables, start = _tables(op, context, _order(terms, outputs, steps))
    if op.bias is not None and rows > 1:
        start = f"{context.name}_bias[o % {outputs}]"
    kind, vendor = _sum_type(op), context.vendor
    result = f"y[o] = number<{context.result}>(sum[o]);"
    products = loop(vendor, "m", lanes, [_step(op, context, rows)])
    work = [
        "if (r == 0) {",
        *indented(loop(vendor, "o", count, [f"sum[o] = {start};"])),
        "}",
        *(loop(vendor, "row", rows, products) if rows > 1 else products),
        f"if (r == {steps - 1}) {{",
        *indented(loop(vendor, "o", count, [result])),
        "}",
    ]
    body = [
        *vendor.pragma(REGISTERS, "before", name="sum"),
        f"{kind.type} sum[{count}];",
        *vendor.pragma(REGISTERS, "inside", name="sum"),
        *loop(vendor, "r", steps, work, PIPELINE_LOOP),
    ]
    what = f"Products of {terms} terms each; {rows * lanes} multipliers work {steps} times."
    return Layer(
        (what, f"Gives {describe(op.result)}."),
        (Operand("x", 0),),
        tuple(body),
        tuple(tables),
        {f"{context.name}_weight": lanes} if steps > 1 else {},
        rows * lanes,
    )


def _order(terms: int, outputs: int, steps: int) -> Ints:
    """Positions of the weights in the order in which the steps use them."""
    positions = np.arange(terms * outputs, dtype=np.int64).reshape(terms, outputs)
    if steps <= terms:
        return positions.reshape(-1)
    parts = steps // terms
    return positions.reshape(terms, parts, outputs // parts).transpose(1, 0, 2).reshape(-1)


def _step(op: DenseOp, context: Context, rows: int) -> str:
    """The product of lane m in step r; see `netloom.ir.nn.DenseOp` for who computes what when."""
    terms, outputs = op.operand_shapes[1]
    steps, kind = reuse_factor(op), _sum_type(op)
    lanes = terms * outputs // steps
    narrow = context.vendor.integer(number_format(op.weight).width + 1, signed=True)
    weight = f"{narrow}({context.name}_weight[r * {lanes} + m]).{kind.convert}"
    if steps <= terms:
        source, target = f"r * {terms // steps} + m / {outputs}", f"m % {outputs}"
    else:
        source, target = f"r % {terms}", f"r / {terms} * {lanes} + m"
    if rows > 1:
        source, target = f"row * {terms} + {source}", f"row * {outputs} + {target}"
    return f"sum[{target}] += {kind.product(weight, f'mantissa(x[{source}]).{kind.convert}')};"
