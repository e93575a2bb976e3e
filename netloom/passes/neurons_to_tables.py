"""neurons-to-tables: neurons of few input bits become lookup tables, thresholds and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.lut_network import LutNetwork
from netloom.core.precision import check_pattern, entries, matches
from netloom.ir.attributes import ArrayAttr, shape_of
from netloom.ir.da import lut_network_op
from netloom.ir.interval import Interval
from netloom.ir.nn import ConcatOp, DenseOp, GatherOp
from netloom.ir.program import add_note, erase_unused, insert_before, main, program_ops
from netloom.passes.analysis.lut_cost import network_luts
from netloom.passes.analysis.lut_mapping import LutMapper
from netloom.passes.analysis.neuron_cost import adder_luts, column_luts, tail_luts
from netloom.passes.analysis.neurons import Neuron, NeuronLayer, neuron_layer
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.build_adder_graphs import find_solver
from netloom.passes.rewriting import Builder
from netloom.passes.solvers import ConstantMatrixSolver

CHOICES = ("off", "auto", "always")
WORTH = 0.6
"""Part of the estimate for adders and thresholds that the one for tables may be.

Yosys makes less of adders and thresholds on few bits than they are estimated at (by 1.4 to 1.9 on the
networks of docs/how-to/neurons-as-tables.md), and of tables about what they are."""


@dataclass(frozen=True)
class NeuronsToTables(ModulePass):
    """Columns of an nn.dense of strategy adder_graph become a da.lut_network, with what follows each of them.

    A neuron whose inputs have few bits together is one Boolean function for each bit of its result
    (LogicNets, arXiv:2004.03021), the elementwise ops behind it included. It is computed for all inputs, cut
    into lookup tables of the device, and taken where these are fewer than those of adders and thresholds.

    Options:
        tables: `auto` (where it saves lookup tables), `always` (where a neuron has no more than `largest`
            input bits) or `off`, for all layers, or by layer as in `auto; fc1*=off`: later entries win.
        largest: input bits of a neuron that becomes tables, at most; 1 to 14.
        device: whose lookup tables count.
        solver: name of the solver of the shift-add networks that tables are compared with.
    """

    name: ClassVar[str] = "neurons-to-tables"
    tables: str = "auto"
    largest: int = 12
    device: str = DEFAULT_DEVICE
    solver: str = "sharing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Decide layer by layer; a note says what became of each.

        Raises:
            CompileError: NL202 for a pattern that matches no layer, NL203 for a choice or a number of bits
                that does not exist and for an unknown solver, NL206 for an unknown device.
        """
        if not 1 <= self.largest <= 14:
            raise CompileError(
                "NL203", f"largest is {self.largest}", origin="largest", supported="1 to 14 input bits"
            )
        function = main(op)
        layers = [c for c in program_ops(function) if isinstance(c, DenseOp)]
        choice = choices(self.tables, sorted({layer.origin_name for layer in layers}))
        mine = [c for c in layers if c.strategy.data == "adder_graph" and choice[c.origin_name] != "off"]
        if not mine:
            return
        intervals = dict(value_intervals(op))
        for layer in mine:
            self._lower(op, layer, intervals, choice[layer.origin_name] == "always")
        erase_unused(function)

    def _lower(
        self, module: ModuleOp, op: DenseOp, intervals: dict[SSAValue, Interval], always: bool
    ) -> None:
        layer = neuron_layer(op, intervals[op.input])
        if not layer.last.result_format.width:
            return
        neurons = layer.neurons(self.largest)
        if not neurons:
            return
        plan = Planner(layer, neurons, find_device(self.device), find_solver(self.solver))
        chosen = neurons if always else plan.cheapest()
        if chosen:
            interval = intervals[layer.last.results[0]]
            add_note(module, op.origin_name, plan.note(chosen))
            intervals[replaced(layer, plan.network(chosen), chosen)] = interval


class Planner:
    """Compares tables with adders for one layer.

    Args:
        layer: the layer.
        neurons: the columns that may become tables.
        device: whose lookup tables count.
        solver: of the shift-add networks.
    """

    def __init__(
        self,
        layer: NeuronLayer,
        neurons: Sequence[Neuron],
        device: Device,
        solver: ConstantMatrixSolver,
    ) -> None:
        self.layer, self.neurons, self.solver, self.device = layer, neurons, solver, device
        self.lut_inputs = device.lut_inputs
        self.input_bits = max(layer.op.operand_formats[0].width, 1)
        self.columns = layer.weights.shape[1]
        self.values = dict(zip(neurons, layer.tables(neurons), strict=True))
        self.mapped: dict[tuple[Neuron, ...], LutNetwork] = {}

    def network(self, chosen: Sequence[Neuron]) -> LutNetwork:
        """The tables of neurons, in their order."""
        key = tuple(chosen)
        if key not in self.mapped:
            mapper = LutMapper(self.layer.op.operand_shapes[0][-1] * self.input_bits, self.lut_inputs)
            width = self.layer.last.result_format.width
            outputs = [mapper.add(self.values[n], n.signals(self.input_bits), width) for n in chosen]
            self.mapped[key] = mapper.network(outputs)
        return self.mapped[key]

    def luts(self, chosen: Sequence[Neuron]) -> float:
        """LUTs of the layer when these neurons are tables."""
        rest = sorted(set(range(self.columns)) - {neuron.column for neuron in chosen})
        tables = network_luts(self.network(chosen), self.lut_inputs) if chosen else 0
        return tables + adder_luts(self.layer, rest, self.solver) + tail_luts(self.layer, rest, self.device)

    def cheapest(self) -> Sequence[Neuron]:
        """The neurons that are better as tables: none, all that can, or those that are so one by one."""
        columns = [neuron.column for neuron in self.neurons]
        alone = column_luts(self.layer, columns)
        shared = adder_luts(self.layer, range(self.columns), self.solver) / max(
            column_luts(self.layer, range(self.columns)).sum(), 1
        )
        tail = tail_luts(self.layer, [0], self.device)
        better = [
            neuron
            for neuron, own in zip(self.neurons, alone.tolist(), strict=True)
            if network_luts(self.network([neuron]), self.lut_inputs) < WORTH * (own * shared + tail)
        ]
        before = self.luts([])
        found = min((self.neurons, better), key=self.luts)
        return found if self.luts(found) < WORTH * before else []

    def note(self, chosen: Sequence[Neuron]) -> str:
        """What becomes of the layer, for the report."""
        bits = max(neuron.bits for neuron in chosen)
        return (
            f"{len(chosen)} of {self.columns} neurons, of up to {bits} input bits, are lookup tables:"
            f" the layer takes about {self.luts(chosen):.0f} LUTs, without them {self.luts([]):.0f}"
        )


def choices(text: str, names: Sequence[str]) -> Mapping[str, str]:
    """The choice of each layer.

    Raises:
        CompileError: NL202 for a pattern that matches no layer, NL203 for a choice that does not exist.
    """
    found = dict.fromkeys(names, "auto")
    for pattern, choice in entries(text):
        if choice not in CHOICES:
            raise CompileError(
                "NL203",
                f"tables are '{choice}'",
                origin=pattern or "tables",
                supported=f"{', '.join(CHOICES)}, or by layer as in 'auto; fc1*=off'",
                hint=suggestion(choice, CHOICES),
            )
        if pattern is not None:
            check_pattern(pattern, names)
        found |= {name: choice for name in names if pattern is None or matches(name, pattern)}
    return found


def replaced(layer: NeuronLayer, network: LutNetwork, chosen: Sequence[Neuron]) -> SSAValue:
    """Put tables in place of columns of a layer and its tail; the other columns stay. The new result."""
    last, columns = layer.last, [neuron.column for neuron in chosen]
    rest = sorted(set(range(layer.weights.shape[1])) - set(columns))
    # Under the name of the node whose value it is.
    named = last if last.origin is not None else layer.op
    build = Builder(last, named)
    shape, kind = shape_of(last.results[0].type), last.results[0].type
    result = layer.typed(len(columns))
    bits = max(layer.op.operand_formats[0].width, 1)
    value = insert_before(last, lut_network_op(layer.op.input, network, bits, result, named.origin_name))
    if rest:
        axis = IntegerAttr(len(shape) - 1, 64)
        parts = [value, layer.rebuilt(rest, build)]
        joined = build.op(ConcatOp, parts, axis=axis, result=kind)
        order = np.argsort([*columns, *rest])
        value = joined
        if not np.array_equal(order, np.arange(len(order))):
            value = build.op(GatherOp, [joined], indices=ArrayAttr.of(order), axis=axis, result=kind)
    build.finish(value)
    return value
