"""A design as C++ functions and the calls between them: what the files are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from netloom.backends.hls.layers.layer import Layer
from netloom.backends.hls.text import Table
from netloom.passes.analysis.hardware import PortInfo


@dataclass(frozen=True)
class Variable:
    """A tensor in the C++ program.

    Attributes:
        name: its name.
        type: name of its number type.
        count: number of elements.
        comment: shape and format.
    """

    name: str
    type: str
    count: int
    comment: str


@dataclass(frozen=True)
class TypeDefinition:
    """A name for a number type."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Call:
    """A function: a layer, or a copy; what it is called with and where its results go."""

    name: str
    op: str
    origin: str
    layer: Layer
    parameters: tuple[Variable, ...]
    arguments: tuple[Variable, ...]
    results: tuple[Variable, ...]

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """The parameters that it writes: `y`, or `y0`, `y1`, ... of a copy for several readers."""
        names = ["y"] if len(self.results) == 1 else [f"y{n}" for n in range(len(self.results))]
        return tuple(replace(each, name=name) for each, name in zip(self.results, names, strict=True))


@dataclass
class Program:
    """Everything that the files are made of.

    Attributes:
        top: name of the design's function.
        interval: cycles between two inputs.
        ports: the design's ports with their variables, inputs first.
        locals: variables between the calls.
    """

    top: str
    interval: int
    ports: list[tuple[PortInfo, Variable]] = field(default_factory=list)
    types: list[TypeDefinition] = field(default_factory=list)
    constants: list[Table] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    locals: list[Variable] = field(default_factory=list)

    def with_locals(self) -> Program:
        """The program, with the results of its calls as local variables, but for the ports."""
        ports = {variable.name for _, variable in self.ports}
        results = (result for call in self.calls for result in call.results)
        self.locals = [result for result in results if result.name not in ports]
        return self

    @property
    def streaming(self) -> bool:
        """Whether tensors come beat by beat."""
        return False

    @property
    def arrays(self) -> list[Variable]:
        """Arrays that become registers or wires."""
        return [*self.locals, *(variable for _, variable in self.ports)]

    @property
    def inputs(self) -> list[Variable]:
        """Variables of the input ports."""
        return [variable for port, variable in self.ports if port.direction == "in"]

    @property
    def outputs(self) -> list[Variable]:
        """Variables of the output ports."""
        return [variable for port, variable in self.ports if port.direction == "out"]
