"""A streaming program as actors and FIFOs, for the simulator and for the top entity."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from netloom.core.dataflow import Actor, Fifo, Network, Node
from netloom.core.diagnostics import CompileError
from netloom.ir.flow import FifoOp, FlowOp, SinkOp, SourceOp, StageOp, stream_of
from netloom.ir.program import main, program_ops
from netloom.passes.analysis.timing import wire_bits


def actors(module: ModuleOp) -> list[FlowOp]:
    """The ops that are actors, in order."""
    return [op for op in program_ops(main(module)) if isinstance(op, FlowOp) and not isinstance(op, FifoOp)]


def fifos(module: ModuleOp) -> list[FifoOp]:
    """The FIFOs, in order."""
    return [op for op in program_ops(main(module)) if isinstance(op, FifoOp)]


def is_streaming(module: ModuleOp) -> bool:
    """Whether the program has streams."""
    return any(isinstance(op, FlowOp) for op in program_ops(main(module)))


def beat_bits(value: SSAValue) -> int:
    """Bits of a beat."""
    stream = stream_of(value)
    return stream.elements * wire_bits(stream.tensor.element_type.format)


def network(module: ModuleOp) -> Network:
    """Actors and FIFOs of a program that the pass `insert-fifos` has been over.

    Raises:
        CompileError: NL308 when two actors are joined without a FIFO, or a FIFO leads nowhere.
    """
    ops = actors(module)
    numbers = {op: number for number, op in enumerate(ops)}
    names = dict(zip(ops, _names(ops), strict=True))
    nodes = tuple(Node(names[op], _actor(op), _origins(op)) for op in ops)
    found: list[Fifo] = []
    for fifo in fifos(module):
        ends = [fifo.input.owner, *(use.operation for use in fifo.result.uses)]
        known = [numbers[end] for end in ends if isinstance(end, FlowOp) and end in numbers]
        if len(ends) != 2 or len(known) != 2:
            raise _unbuffered(fifo)
        bits, beats = beat_bits(fifo.result), stream_of(fifo.result).beats
        found.append(Fifo(fifo.label.data, known[0], known[1], fifo.depth.value.data, bits, beats))
    for op in ops:
        for operand in op.operands:
            if not isinstance(op, SourceOp) and not isinstance(operand.owner, FifoOp):
                raise _unbuffered(op)
    return Network(nodes, _in_order_of_operands(ops, fifos(module), found))


def _in_order_of_operands(ops: list[FlowOp], made: list[FifoOp], found: list[Fifo]) -> tuple[Fifo, ...]:
    """FIFOs in the order in which actors name them."""
    by_op = dict(zip(made, found, strict=True))
    ordered = [by_op[o.owner] for op in ops for o in op.operands if isinstance(o.owner, FifoOp)]
    return tuple(ordered)


def _actor(op: FlowOp) -> Actor:
    actor = op.actor()
    assert actor is not None
    return actor


def _origins(op: FlowOp) -> tuple[str, ...]:
    return op.origins if isinstance(op, StageOp) else (op.origin_name,)


def _names(ops: list[FlowOp]) -> Iterator[str]:
    """A name for each actor: a stage's label, or the layer's name and what it does."""
    taken: dict[str, int] = {}
    for op in ops:
        kind = op.name.removeprefix("flow.")
        name = op.label.data if isinstance(op, StageOp) else f"{op.origin_name}_{kind}"
        name = op.origin_name if isinstance(op, SourceOp | SinkOp) else name
        taken[name] = taken.get(name, 0) + 1
        yield name if taken[name] == 1 else f"{name}_{taken[name]}"


def _unbuffered(op: FlowOp) -> CompileError:
    return CompileError(
        "NL308",
        f"{op.name} is joined to another actor without a FIFO between them",
        origin=op.origin_name,
        supported="exactly one FIFO on each way from an actor to an actor",
        hint="run the pass 'insert-fifos'",
    )
