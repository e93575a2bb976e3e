"""spend-multipliers: a budget of hard multipliers for the whole design, spent where they save most LUTs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from netloom.core.devices import DEFAULT_DEVICE, Device, find_device
from netloom.core.diagnostics import CompileError
from netloom.core.precision import entries
from netloom.ir.base import NetloomOp
from netloom.ir.da import KernelOp
from netloom.ir.nn import DenseOp
from netloom.ir.nn.linear import reuse_factors
from netloom.ir.program import add_note, erase_unused, main
from netloom.passes.analysis.budget import cheapest
from netloom.passes.analysis.hard_products import HardProducts, trial_sizes
from netloom.passes.analysis.hardware import hardware
from netloom.passes.analysis.products import product_parts
from netloom.passes.analysis.ranges import value_intervals
from netloom.passes.analysis.reuse import reuse_factor
from netloom.passes.balance_layers import LARGE
from netloom.passes.build_adder_graphs import find_solver, per_input
from netloom.passes.lower_dense import Chooser
from netloom.passes.multipliers import Layer, Networks, Option
from netloom.passes.stream_lower import StreamLower
from netloom.passes.streaming.lower import Lowering

TRIAL_EFFORT = 0.03
"""Most effort for networks that are compared; those that are chosen get all of it."""

TYPICAL_BITS = 16
"""Of the adders that a multiplier's delay is counted in."""


@dataclass(frozen=True)
class SpendMultipliers(ModulePass):
    """Layers whose strategy was left open take hard multipliers for their weights, within a budget.

    The products of one input and one odd number become an nn.mul, and inputs of the layer's da.kernel, where
    every weight with that number is one digit of them. Which layers take how many is what needs fewest LUTs
    by the formulas of the report; of several ways with the same LUTs, the one with fewest multipliers.

    What multipliers the design has by then counts too: explicit strategies, products of computed tensors, and
    in a stream the layers that share them. Of the latter those whose strategy was left open may become
    networks of adders again, or, when they are too large for that and no interval was asked for, take more
    cycles.

    Options:
        budget: multipliers that the design may take; -1 for any number, and then the pass does nothing.
        strategy: as that of lower-dense; layers of strategy `auto` were left open.
        form: `parallel` or `stream`.
        interval: as that of balance-layers.
        device: whose multipliers and lookup tables count.
        depth_slack: as that of build-adder-graphs.
        effort: as that of build-adder-graphs.
        solver: as that of build-adder-graphs.
    """

    name: ClassVar[str] = "spend-multipliers"
    budget: int = -1
    strategy: str = "auto"
    form: str = "parallel"
    interval: int = 0
    device: str = DEFAULT_DEVICE
    depth_slack: int = 1
    effort: float = TRIAL_EFFORT
    solver: str = "sharing"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Collect what can become of each layer, choose, and change the program.

        Raises:
            CompileError: NL203 when the design needs more multipliers than the budget, for a number below -1
                and for an unknown solver.
        """
        if self.budget < -1:
            raise CompileError(
                "NL203",
                f"a budget of {self.budget} multipliers",
                origin="dsp_budget",
                supported="-1 (any number), 0, 1, 2, ...",
            )
        if self.budget == -1:
            return
        device = find_device(self.device)
        networks = Networks(
            find_solver(self.solver),
            self.depth_slack,
            min(self.effort, TRIAL_EFFORT),
            self.effort,
            round(device.multiplier_ns / device.adder_ns(TYPICAL_BITS)),
        )
        fixed = self._fixed(ctx, op, device)
        spare = self.budget - fixed.total()
        layers = list(self._layers(op))
        choices = [list(_options(layer, networks, device, max(spare, 0))) for layer in layers]
        taken = self._chosen(layers, choices, spare, device)
        if taken is None:
            raise self._too_many(fixed, layers, choices)
        for layer, option in zip(layers, taken, strict=True):
            if option.note:
                add_note(op, layer.op.origin_name, option.note)
            option.carry_out(layer, networks)
        erase_unused(main(op))

    def _is_open(self, op: Operation) -> bool:
        """Whether it is a layer whose strategy was left to the compiler, and that may be changed."""
        if isinstance(op, DenseOp):
            if op.memory_latency is not None:
                return False
        elif not isinstance(op, KernelOp):
            return False
        choose = Chooser(tuple((pattern or "*", strategy) for pattern, strategy in entries(self.strategy)))
        # Layers that became one network have all their names.
        return all(choose(name) == "auto" for name in op.origin_name.split("+"))

    def _fixed(self, ctx: Context, module: ModuleOp, device: Device) -> Counter[str]:
        """Multipliers that nothing can be done about, by the names of their layers."""
        ops: Sequence[Operation] = hardware(module).ops
        if self.form == "stream":
            # Only its stages say what is there for one beat.
            streams = module.clone()
            StreamLower().apply(ctx, streams)
            ops = list(streams.walk())
        found: Counter[str] = Counter()
        for op in ops:
            if isinstance(op, NetloomOp) and not self._is_open(op):
                found[op.origin_name] += product_parts(op, device)[1]
        return found

    def _layers(self, module: ModuleOp) -> Iterator[Layer]:
        """The layers that may take multipliers, or have some that they can give back."""
        program, intervals = hardware(module), value_intervals(module)
        beats: Mapping[NetloomOp, int] = {}
        if self.form == "stream":
            steps = Lowering(module, program).plan.steps
            beats = {step.op: step.result.beats for step in steps if step.kind == "beat"}
        for op in program.ops:
            if isinstance(op, DenseOp | KernelOp) and self._is_open(op):
                each = beats.get(op, 1)
                rows = math.prod(op.operand_shapes[0][:-1]) // each
                yield Layer(op, *per_input(intervals[op.input]), rows, each)

    def _chosen(
        self, layers: Sequence[Layer], choices: list[list[Option]], spare: int, device: Device
    ) -> list[Option] | None:
        """An option for each layer, with the least cycles that the budget allows; None when none does."""
        if spare < 0:
            return None
        slower = 1
        while True:
            found = cheapest([[option.price for option in options] for options in choices], spare)
            if found is not None:
                return [options[number] for options, number in zip(choices, found, strict=True)]
            slower *= 2
            possible = self.form == "stream" and not self.interval
            if not possible or not _slow_down(layers, choices, slower, device):
                return None

    def _too_many(
        self, fixed: Counter[str], layers: Sequence[Layer], choices: Sequence[Sequence[Option]]
    ) -> CompileError:
        """What needs how many."""
        needs = Counter(fixed)
        for layer, options in zip(layers, choices, strict=True):
            needs[layer.op.origin_name] += min(option.dsp for option in options)
        names = [f"{count} for '{name}'" for name, count in needs.most_common(3) if count]
        rest = len(+needs) - len(names)
        listed = ", ".join([*names, *([f"others for {rest} more"] if rest else [])])
        return CompileError(
            "NL203",
            f"the budget is {self.budget} multipliers, and the design needs {needs.total()}: {listed}",
            origin="dsp_budget",
            supported=f"{needs.total()} or more, or -1 for any number",
            hint="layers of strategy 'adder_graph' do without, those of 'resource' need fewer with a larger "
            "reuse_factor; products of computed tensors always take them",
        )


def _options(layer: Layer, networks: Networks, device: Device, most: int) -> Iterator[Option]:
    """What can become of a layer with at most `most` multipliers; as it is comes first."""
    base = layer.as_it_is(device)
    yield base
    if np.count_nonzero(layer.matrix) > LARGE:
        return
    products = HardProducts.of(layer.matrix, layer.low, layer.high, layer.input_format, device)
    if isinstance(layer.op, DenseOp):
        adders = networks.option(layer, products, ())
        if adders is None:
            return
        yield (base := adders)
    yield from _with_products(layer, networks, products, base, most)


def _with_products(
    layer: Layer, networks: Networks, products: HardProducts, base: Option, most: int
) -> Iterator[Option]:
    """Networks without some products that are better than `base`.

    What is tried depends on the budget only in that options beyond it are left out: so a larger one never
    gives a larger design.
    """

    def tried(chosen: Sequence[int]) -> Iterator[Option]:
        option = networks.option(layer, products, chosen)
        if option is not None and option.price.cost < base.price.cost:
            yield option

    orders = list(products.orders())
    every = list(tried(orders[0])) if orders else []
    yield from every
    if not every:
        return  # fewer save even less for each
    half = len(products.factors) // 2
    better = min(orders, key=lambda order: min((o.lut for o in tried(order[:half])), default=base.lut))
    for size in trial_sizes(len(better)):
        if layer.rows * sum(products.factors[number].dsp for number in better[:size]) <= most:
            yield from tried(better[:size])


def _slow_down(layers: Sequence[Layer], choices: Sequence[list[Option]], slower: int, device: Device) -> bool:
    """Add reuse factors up to `slower` times those of today where nothing does without multipliers.

    Returns:
        Whether there are any so far, or further ones.
    """
    found = False
    for layer, options in zip(layers, choices, strict=True):
        if not isinstance(layer.op, DenseOp) or min(option.dsp for option in options) == 0:
            continue
        known, now = reuse_factors(*layer.matrix.shape), reuse_factor(layer.op)
        found = found or now * slower < 2 * known[-1]
        factor = max(each for each in known if each <= now * slower)
        if factor > now:
            options.append(layer.slower(factor, device))
    return found
