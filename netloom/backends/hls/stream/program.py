"""A streaming design as functions and FIFOs: what the files are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netloom.backends.hls.layers.layer import Layer
from netloom.backends.hls.program import Call, Program, Variable
from netloom.backends.hls.text import Table


@dataclass(frozen=True)
class Channel:
    """A FIFO.

    Attributes:
        name: in C++.
        label: in the program.
        beat: type of a beat.
        depth: beats that it holds.
        declaration: of the FIFO.
        parameter: how a function reaches it; empty where it is global.
    """

    name: str
    label: str
    beat: str
    depth: int
    declaration: str
    parameter: str


@dataclass(frozen=True)
class Edge(Variable):
    """A port of the design; `type` is that of a beat, `count` the number of elements in a frame.

    Attributes:
        direction: `in` or `out`.
        beats: in a frame.
        elements: in a beat.
        parameter: how it is declared.
    """

    direction: str = ""
    beats: int = 1
    elements: int = 1
    parameter: str = ""


@dataclass(frozen=True)
class Process:
    """The function of an actor.

    Attributes:
        name: its name.
        comment: what it does, in lines.
        parameters: declarations of its parameters.
        arguments: what it is called with.
        body: its statements.
        tables: constants in front of it.
        calls: layers that it calls.
    """

    name: str
    comment: tuple[str, ...]
    parameters: tuple[str, ...]
    arguments: tuple[str, ...]
    body: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    calls: tuple[Call, ...] = ()


@dataclass
class StreamProgram(Program):
    """A streaming design.

    Attributes:
        channels: FIFOs.
        processes: functions of the actors, in an order in which each comes after those that feed it.
        widest: bits of the widest word at the edges, 0 where words are beats.
    """

    channels: list[Channel] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    widest: int = 0

    @property
    def streaming(self) -> bool:
        """Tensors come beat by beat."""
        return True

    @property
    def edges(self) -> list[Edge]:
        """The ports."""
        return [port for _, port in self.ports if isinstance(port, Edge)]

    @property
    def arrays(self) -> list[Variable]:
        """Tensors of a frame are never whole."""
        return self.locals


@dataclass(frozen=True)
class Body:
    """What is in a function of an actor."""

    lines: tuple[str, ...]
    tables: tuple[Table, ...] = ()


MULTIPLYING: Mapping[str, str] = {
    "nn.matmul": "a product of two tensors",
    "nn.mul": "a product of two tensors",
    "nn.prelu": "a slope for each channel",
    "nn.dense": "a multiplier for each weight",
}
"""Ops with multipliers, unless their layer says how many it shares."""


def multiplier_limit(calls: tuple[Call, ...]) -> int:
    """Multipliers that the layers of a stage share; 0 where one has as many as it needs."""
    layers: list[Layer] = [call.layer for call in calls]
    if any(call.op in MULTIPLYING and not call.layer.multipliers for call in calls):
        return 0
    return sum(layer.multipliers for layer in layers)
