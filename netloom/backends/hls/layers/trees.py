"""`nn.reduce`, `nn.argmax` and `nn.hardmax`."""

from __future__ import annotations

from netloom.backends.hls.layers.layer import Context, Layer, Operand, describe
from netloom.backends.hls.layers.wiring import move
from netloom.backends.hls.text import index_expression, loop
from netloom.backends.leaves import leaves_of
from netloom.ir.nn import ArgMaxOp, HardmaxOp, ReduceOp


def reduce(op: ReduceOp, context: Context) -> Layer:
    """The function of a sum, maximum or minimum over axes."""
    leaves = leaves_of(op, op.positive_axes)
    rows, count = leaves.shape
    if count == 1:
        return move(op, leaves.reshape(-1), f"{op.kind.data} over one element.", context)
    where, tables = index_expression(leaves, "k", f"{context.name}_leaf")
    vendor = context.vendor
    if op.kind.data == "sum":
        step = [f"const int k = r * {count} + i;", f"sum += x[{where}];"]
        start = f"{context.result} sum = number<{context.result}>(0);"
        inner = [start, *loop(vendor, "i", count, step), "y[r] = sum;"]
    else:
        order = ">" if op.kind.data == "max" else "<"
        better = f"if (i == 0 || x[{where}] {order} best) best = x[{where}];"
        step = [f"const int k = r * {count} + i;", better]
        start = f"{context.types[0]} best = number<{context.types[0]}>(0);"
        inner = [start, *loop(vendor, "i", count, step), "y[r] = best;"]
    return Layer(
        (f"{op.kind.data} over {count} elements.", f"Gives {describe(op.result)}."),
        (Operand("x", 0),),
        tuple(loop(vendor, "r", rows, inner)),
        tables,
    )


def argmax(op: ArgMaxOp | HardmaxOp, context: Context) -> Layer:
    """The function of an index, or one-hot code, of the first largest element along an axis."""
    leaves = leaves_of(op, (op.positive_axis,))
    rows, size = leaves.shape
    where, tables = index_expression(leaves, "k", f"{context.name}_leaf")
    vendor = context.vendor
    better = f"if (i == 0 || x[{where}] > best) {{ best = x[{where}]; index = i; }}"
    inner = [
        f"{context.types[0]} best = number<{context.types[0]}>(0);",
        "int index = 0;",
        *loop(vendor, "i", size, [f"const int k = r * {size} + i;", better]),
    ]
    if isinstance(op, ArgMaxOp):
        inner.append(f"y[r] = number<{context.result}>(index);")
        what = f"Index of the first largest of {size} elements."
    else:
        put = f"y[{where}] = number<{context.result}>(index == i ? 1 : 0);"
        inner += loop(vendor, "i", size, [f"const int k = r * {size} + i;", put])
        what = f"One-hot code of the first largest of {size} elements."
    return Layer(
        (what, f"Gives {describe(op.result)}."),
        (Operand("x", 0),),
        tuple(loop(vendor, "r", rows, inner)),
        tables,
    )
