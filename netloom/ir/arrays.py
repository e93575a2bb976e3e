"""Between users' arrays and a program's tensors: names, shapes and the batch axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError, suggestion
from netloom.ir.attributes import shape_of
from netloom.ir.program import input_names, is_batched, main, output_names, terminator

Array = NDArray[Any]
Arrays = Array | dict[str, Array]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Interface:
    """Inputs and outputs of a program as its users see them.

    Attributes:
        inputs, outputs: shape by name, as in the program (with the batch axis of size 1, if any).
        batched: whether axis 0 of inputs counts samples.
    """

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    batched: bool

    def sample_shape(self, shape: Shape) -> Shape:
        """Shape of one sample to the user."""
        return shape[1:] if self.batched and shape[:1] == (1,) else shape

    def inputs_from(self, x: Any) -> list[Array]:
        """float32 arrays [n, *shape], one for each input of the program, in order.

        Raises:
            CompileError: NL401 for wrong shapes, NL402 for names, NL403 for values.
        """
        given = self._by_name(x)
        arrays = [self._checked(name, given[name]) for name in self.inputs]
        counts = {len(array) for array in arrays}
        if len(counts) > 1:
            raise CompileError(
                "NL401",
                f"inputs have different numbers of samples: {sorted(counts)}",
                origin=", ".join(self.inputs),
                hint="give every input the same number of samples",
            )
        return arrays

    def _by_name(self, x: Any) -> Mapping[str, Any]:
        if not isinstance(x, Mapping):
            if len(self.inputs) == 1:
                return {next(iter(self.inputs)): x}
            raise CompileError(
                "NL402",
                f"one array for a model with {len(self.inputs)} inputs",
                origin=", ".join(self.inputs),
                supported="a dict of arrays by input name",
            )
        for name in x:
            if name not in self.inputs:
                raise CompileError(
                    "NL402",
                    f"the model has no input '{name}'",
                    origin=str(name),
                    supported=", ".join(self.inputs),
                    hint=suggestion(str(name), self.inputs),
                )
        missing = [name for name in self.inputs if name not in x]
        if missing:
            raise CompileError(
                "NL402",
                f"input '{missing[0]}' is missing",
                origin=missing[0],
                supported=", ".join(self.inputs),
            )
        return x

    def _checked(self, name: str, value: Any) -> Array:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise CompileError("NL403", f"array of {array.dtype}", origin=name, supported="numbers")
        shape = self.inputs[name]
        sample = self.sample_shape(shape)
        if array.shape == sample and not self.batched:
            array = array[None]
        if array.ndim != len(sample) + 1 or array.shape[1:] != sample:
            wanted = ", ".join(["n", *map(str, sample)])
            raise CompileError(
                "NL401",
                f"array of shape {array.shape}",
                origin=name,
                supported=f"[{wanted}]",
                hint="the first axis counts samples",
            )
        real = array.astype(np.float32)
        if not np.all(np.isfinite(real)):
            raise CompileError(
                "NL403", "array has NaN or infinite elements", origin=name, supported="finite numbers"
            )
        return real.reshape(len(real), *shape)

    def arrange(self, values: Sequence[Array], x: Any) -> Arrays:
        """Outputs [n, *shape] as the user gets them: the array itself when there is one output."""
        results: dict[str, Array] = {}
        single = not self.batched and self._is_single(x)
        for (name, shape), array in zip(self.outputs.items(), values, strict=True):
            shaped = array.reshape(len(array), *self.sample_shape(shape))
            results[name] = shaped[0] if single else shaped
        return results if len(results) > 1 else next(iter(results.values()))

    def _is_single(self, x: Any) -> bool:
        given = self._by_name(x)
        return all(np.shape(given[name]) == shape for name, shape in self.inputs.items())


def interface_of(module: ModuleOp) -> Interface:
    """The interface of a program."""
    function = main(module)
    arguments = function.body.block.args
    returned = terminator(function).operands
    return Interface(
        dict(zip(input_names(function), (shape_of(a.type) for a in arguments), strict=True)),
        dict(zip(output_names(function), (shape_of(v.type) for v in returned), strict=True)),
        is_batched(function),
    )
