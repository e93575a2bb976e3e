"""Several modules as one design: one behind the other, or side by side on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import Attribute, SSAValue

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import shape_of
from netloom.ir.base import make
from netloom.ir.nn import ConcatOp
from netloom.ir.program import (
    finish_function,
    input_names,
    is_batched,
    main,
    model_name,
    new_function,
    output_names,
    program_ops,
    terminator,
)


def chain(first: ModuleOp, second: ModuleOp) -> ModuleOp:
    """The outputs of `first` become the inputs of `second`, in order.

    Args:
        first: for example a dense layer that makes features (`netloom.load` reads models).
        second: for example trees on these features.

    Returns:
        A new module with the inputs of `first` and the outputs of `second`.

    Raises:
        CompileError: NL110 when numbers or shapes do not agree.
    """
    module, place = _started([first])
    outputs = place(first, {})
    wanted = main(second).body.block.args
    found = [str(shape_of(value.type)) for _, value in outputs]
    due = [str(shape_of(argument.type)) for argument in wanted]
    if found != due:
        raise _misfit(f"outputs {', '.join(found)} do not go into inputs {', '.join(due)}", second)
    given = dict(zip(input_names(main(second)), (value for _, value in outputs), strict=True))
    finish_function(main(module), place(second, given))
    return module


def beside(*modules: ModuleOp, join: bool = False) -> ModuleOp:
    """Modules side by side; inputs of one name are one input.

    Args:
        modules: at least one.
        join: whether all outputs become one, `joined`, along their last axis.

    Returns:
        A new module with all inputs and all outputs, which are numbered where names repeat.

    Raises:
        CompileError: NL110 when inputs of one name, or outputs to be joined, differ in shape.
    """
    module, place = _started(modules)
    outputs = [output for each in modules for output in place(each, {})]
    if join:
        shapes = {shape_of(value.type)[:-1] for _, value in outputs}
        if len(shapes) != 1:
            raise _misfit(f"outputs of the shapes {shapes} do not join along their last axis", modules[-1])
        last = len(shape_of(outputs[0][1].type)) - 1
        values = [value for _, value in outputs]
        joined = make(ConcatOp, values, origin="joined", axis=IntegerAttr(last, 64))
        main(module).body.block.add_op(joined)
        outputs = [("joined", joined.result)]
    finish_function(main(module), _numbered(outputs))
    return module


class _Placer:
    """Copies the ops of modules into one function."""

    def __init__(self, module: ModuleOp) -> None:
        self.function = main(module)
        self.known: dict[str, SSAValue] = dict(
            zip(input_names(self.function), self.function.body.block.args, strict=True)
        )

    def __call__(self, module: ModuleOp, given: Mapping[str, SSAValue]) -> list[tuple[str, SSAValue]]:
        """The outputs of a module on inputs by name; those that are not given are the function's own."""
        source = main(module)
        values = {**self.known, **given}
        moved: dict[SSAValue, SSAValue] = {
            argument: values[name]
            for name, argument in zip(input_names(source), source.body.block.args, strict=True)
        }
        for op in program_ops(source):
            self.function.body.block.add_op(op.clone(moved))
        return [
            (name, moved[value])
            for name, value in zip(output_names(source), terminator(source).operands, strict=True)
        ]


def _started(modules: Sequence[ModuleOp]) -> tuple[ModuleOp, _Placer]:
    """An empty module with the inputs of all."""
    inputs: dict[str, Attribute] = {}
    for each in modules:
        function = main(each)
        for name, argument in zip(input_names(function), function.body.block.args, strict=True):
            if inputs.setdefault(name, argument.type) != argument.type:
                raise _misfit(f"input '{name}' has two shapes", each)
    batched = {is_batched(main(each)) for each in modules}
    if len(batched) != 1:
        raise _misfit("one module has a batch axis and another has none", modules[-1])
    names = "_and_".join(dict.fromkeys(model_name(main(each)) for each in modules))
    module, _ = new_function(list(inputs.items()), batched=batched.pop(), source_name=names)
    return module, _Placer(module)


def _numbered(outputs: Sequence[tuple[str, SSAValue]]) -> list[tuple[str, SSAValue]]:
    """Names that repeat get numbers."""
    found: dict[str, SSAValue] = {}
    for name, value in outputs:
        fresh, number = name, 2
        while fresh in found:
            fresh, number = f"{name}_{number}", number + 1
        found[fresh] = value
    return list(found.items())


def _misfit(found: str, module: ModuleOp) -> CompileError:
    return CompileError("NL110", found, origin=model_name(main(module)), hint="compare the models' shapes")
