"""What the first axis of a model means, and import at the right batch size.

Hardware computes one sample at a time. A model whose inputs all have a first axis that is symbolic
or 1 has a batch axis there. A model exported at a fixed larger size has one when, imported with that
axis set to 1, it computes for each sample what the original computes for all of them at once;
otherwise its first axis is part of the sample. A model with a symbolic first axis that mixes samples
along it is refused: what it computes depends on how many samples it is given.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import inliner
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.frontends.onnx.importer import INTEGER_INPUTS, REAL_INPUTS, Converter, Importer
from netloom.frontends.onnx.load import element_type
from netloom.ir.attributes import shape_of
from netloom.ir.interpreter import run
from netloom.ir.program import main, terminator

Shapes = dict[str, tuple[int, ...]]
Converters = Mapping[str, Converter]


def import_model(model: onnx.ModelProto, converters: Converters) -> ModuleOp:
    """Import a checked model, choosing the batch size; the model itself is not changed.

    Raises:
        CompileError: of the codes NL102 to NL110.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    declared = input_shapes(model)
    leading = {shape[0] if shape else 0 for shape in declared.values()}
    if leading == {1}:
        module = Importer(model, declared, batched=True).run(converters)
        if has_free_batch(model):
            _refuse_mixing(model, converters, module, declared)
        return module
    if len(leading) == 1 and next(iter(leading)) > 1:
        single = _imported(model, converters, with_batch(declared, 1), batched=True)
        if single is not None:
            whole = Importer(model, declared, batched=False).run(converters)
            return single if samples_are_independent(whole, single) else whole
    return Importer(model, declared, batched=False).run(converters)


def with_batch(shapes: Shapes, size: int) -> Shapes:
    """The shapes with another size of axis 0."""
    return {name: (size, *shape[1:]) for name, shape in shapes.items()}


def _imported(
    model: onnx.ModelProto, converters: Converters, shapes: Shapes, *, batched: bool
) -> ModuleOp | None:
    """The module, or None when the model does not work at these shapes."""
    try:
        return Importer(model, shapes, batched=batched).run(converters)
    except CompileError:
        return None


def _refuse_mixing(
    model: onnx.ModelProto, converters: Converters, single: ModuleOp, declared: Shapes
) -> None:
    """Refuse a model with a free batch size whose samples influence each other.

    A model that does not work at two samples at all was made for one, and is left alone.
    """
    pair = _imported(model, converters, with_batch(declared, 2), batched=False)
    if pair is None or samples_are_independent(pair, single):
        return
    raise CompileError(
        "NL105",
        "axis 0 of the inputs has a free size, but the model mixes samples along it",
        origin=", ".join(declared),
        supported="models that compute each sample by itself",
        hint="export the model with a fixed size of axis 0",
    )


def samples_are_independent(whole: ModuleOp, single: ModuleOp) -> bool:
    """Whether a module with the batch on axis 0 equals, sample by sample, one for single samples.

    Both run on the same random inputs in float64, where only rounding may differ.
    """
    generator = np.random.default_rng(0)
    shapes = [shape_of(argument.type) for argument in main(whole).body.block.args]
    inputs = [2 * generator.standard_normal(shape) for shape in shapes]
    with np.errstate(all="ignore"):  # random inputs may leave a function's domain, in both alike
        together = run(whole, [x[None] for x in inputs], np.float64)
        apart = run(single, [x[:, None] for x in inputs], np.float64)
    for a, b, output in zip(together, apart, terminator(main(single)).operands, strict=True):
        shape = shape_of(output.type)
        if shape[:1] != (1,) or a.shape[1:] != (len(b), *shape[1:]):
            return False
        if not np.allclose(a[0], b[:, 0], rtol=1e-6, atol=1e-9, equal_nan=True):
            return False
    return True


def has_free_batch(model: onnx.ModelProto) -> bool:
    """Whether axis 0 of a true input is symbolic."""
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in stored]
    shapes = [info.type.tensor_type.shape.dim for info in inputs]
    return any(dims[0].dim_value <= 0 for dims in shapes if dims)


def input_shapes(model: onnx.ModelProto) -> Shapes:
    """Static shape of each true input; a symbolic first axis counts as 1.

    Raises:
        CompileError: NL105 for other symbolic axes or no shape, NL108 for element types.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    shapes: Shapes = {}
    for info in model.graph.input:
        if info.name in stored:
            continue
        _check_element_type(info)
        if not info.type.tensor_type.HasField("shape"):
            raise _dynamic(info.name, "has no shape")
        dims = info.type.tensor_type.shape.dim
        shapes[info.name] = tuple(_size(info.name, axis, dim) for axis, dim in enumerate(dims))
    return shapes


def _size(name: str, axis: int, dim: onnx.TensorShapeProto.Dimension) -> int:
    if dim.HasField("dim_value") and dim.dim_value > 0:
        return int(dim.dim_value)
    if axis == 0:
        return 1
    raise _dynamic(name, f"has the dynamic axis {axis} ({dim.dim_param or 'unknown'})")


def _dynamic(name: str, found: str) -> CompileError:
    return CompileError(
        "NL105",
        f"input '{name}' {found}",
        origin=name,
        supported="static shapes, with a free batch size on axis 0 only",
        hint="export the model with fixed shapes",
    )


def _check_element_type(info: onnx.ValueInfoProto) -> None:
    kind = info.type.tensor_type.elem_type
    if kind in REAL_INPUTS or kind in INTEGER_INPUTS:
        return
    raise CompileError(
        "NL108",
        f"input '{info.name}' has element type {element_type(kind)}",
        origin=info.name,
        supported="float, double, float16, int8, uint8, int16, uint16, bool",
    )
