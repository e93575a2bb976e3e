"""What is reduced: a module, the passes that it is for, and the inputs on which they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.base import NetloomOp
from netloom.ir.fx import ConstantOp
from netloom.ir.interpreter import run_all
from netloom.ir.program import input_names, main, output_names, program_ops
from netloom.ir.text import parse_module, print_module
from netloom.passes.reproducer import Reproducer

Samples: TypeAlias = Mapping[str, NDArray[Any]]
Size: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """A candidate.

    Attributes:
        module: never changed in place.
        passes: the text of each pass; empty when an external script runs them.
        samples: inputs [n, *shape] by name, None when nothing is compared.
        verify_each: whether the module is verified after each pass.
    """

    module: ModuleOp
    passes: tuple[str, ...] = ()
    samples: Samples | None = None
    verify_each: bool = True

    @property
    def ops(self) -> list[NetloomOp]:
        """The ops of the program without its constants."""
        return [op for op in program_ops(main(self.module)) if not isinstance(op, ConstantOp)]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of all tensors of the program."""
        function = main(self.module)
        types = [*function.body.block.arg_types, *(op.results[0].type for op in program_ops(function))]
        return [shape_of(each) for each in types]

    @property
    def size(self) -> Size:
        """What a reduction makes smaller; the first entries count most."""
        function = main(self.module)
        constants = [op for op in program_ops(function) if isinstance(op, ConstantOp)]
        return (
            len(self.passes),
            len(self.ops),
            len(output_names(function)) + len(input_names(function)),
            len(constants),
            sum(sum(shape) for shape in self.shapes),
            sum(nonzero(op.properties["value"]) for op in constants),
            max((len(array) for array in (self.samples or {}).values()), default=0),
            sum(int(np.count_nonzero(array)) for array in (self.samples or {}).values()),
            len(self.module.attributes) + sum(len(op.attributes) for op in program_ops(function)),
        )

    @property
    def inputs(self) -> list[NDArray[Any]] | None:
        """The samples in the order of the module's inputs."""
        if self.samples is None:
            return None
        return [self.samples[name] for name in input_names(main(self.module))]

    def parsed(self) -> Case | None:
        """The case as a reader of its text gets it, None when the text is not a valid module."""
        try:
            module = parse_module(print_module(self.module))
        except CompileError:
            return None
        return Case(module, self.passes, self.samples, self.verify_each)

    def reproducer(self) -> Reproducer:
        """The case as a file for `netloom-opt --run-reproducer`."""
        return Reproducer(self.module.clone(), ",".join(self.passes), self.verify_each, self.inputs)

    def op_values(self) -> Mapping[int, NDArray[Any]]:
        """What each op computes on the samples, by its index in `ops`; empty without samples."""
        if self.inputs is None:
            return {}
        with np.errstate(all="ignore"):
            values = run_all(self.module, self.inputs, np.float64)
        return {index: values[op.results[0]] for index, op in enumerate(self.ops)}


def nonzero(value: Attribute) -> int:
    """How many elements of a constant are not zero."""
    return int(np.count_nonzero(value.values)) if isinstance(value, ArrayAttr) else 0
