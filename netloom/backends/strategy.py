"""Options of backends that choose how each layer becomes hardware."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.base import BackendOptions
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.precision import entries

EFFORTS = {"low": 0.0, "default": 0.03, "high": 1.0}
"""What words for the effort mean."""
MEMORY = "memory"
"""The strategy of trees that can be replaced at run time."""

PER_LAYER = (
    "strategy",
    "reuse_factor",
    "tree_capacity",
    "tables",
    "fifo_depth",
    "weights",
    "parallel_pixels",
    "parallel_channels",
)
"""Options that may be a dict by layer."""


@dataclass(frozen=True)
class StrategyOptions(BackendOptions):
    """How constant matrix products become hardware; the same for every backend.

    Attributes:
        strategy: `adder_graph` (shared adders, no multipliers), `latency` (a multiplier for each
            weight, adder trees), `resource` (shared multipliers, see `reuse_factor`) or `auto`
            (`adder_graph` in a parallel design; in a stream also `resource` for layers that have cycles to
            spare); for single layers a dict {name or pattern: strategy} or its text form
            `adder_graph; fc1*=latency`. Ensembles of trees are tables, or with `memory` (VHDL only) engines
            that walk trees in memories, which can be written at run time: `auto; trees*=memory`.
        reuse_factor: how many products each multiplier of a `resource` layer computes, one a clock
            cycle; also the interval between two inputs. A number, a dict {name or pattern: number} or its
            text form `16; fc1*=4`. Of trees in memories: how many trees each engine walks.
        tree_capacity: room for other trees in the memories, as `trees=100; depth=6; nodes=63` (comparisons
            of a tree, on the average) or a dict of these; what is not named is taken from the model.
        tables: whether neurons of few input bits in `adder_graph` layers become lookup tables, with their
            thresholds or rectifiers: `auto` (where that takes fewer), `always` (up to 12 input bits) or
            `off`; for single layers a dict {name or pattern: choice} or its text form `auto; fc1*=off`.
        weights: where the weights of `resource` layers stand: `internal`, or `external` in a memory outside
            that is read through an AXI4 port (streaming VHDL only); for single layers a dict {name or
            pattern: place} or its text form `internal; fc1*=external`.
        memory_latency: cycles that the memory outside takes to answer; timing is predicted for it.
        parallel_pixels: how many pixels of a row the windows of a layer take in each cycle of a stream: a
            number, a dict {name or pattern: number} or its text form `1; conv1*=2`.
        parallel_channels: how many channels of a pixel, or elements of a vector, a beat of the stream into a
            layer has; 0 for all; as text `0; pool*=4`, or a dict.
        frame_interval: cycles that a frame of a stream may take, for layers of strategy `auto`; 0 for as
            many as the stream with most beats needs. More cycles mean fewer multipliers.
        dsp_budget: hard multipliers that the design may take, by the report's estimate; layers of strategy
            `auto` take them where they save most LUTs. -1 for any number: then those layers take none but the
            shared ones of a stream.
        fifo_depth: depths of the FIFOs of a stream: `fast` (the smallest that keep latency and interval),
            `interval` (the interval alone), `small` (the least that does not deadlock), `quick` (as `fast`,
            without making any smaller) or a number; single ones as a dict {name or pattern: beats} or in its
            text form `fast; skip*=64`.
        strict: whether a reuse factor, or a number of pixels or channels, that does not divide a layer is
            refused, instead of replaced by the nearest that does.
        depth_slack: how many adder levels deeper than necessary an output of a shift-add network
            may be in exchange for fewer adders; -1 means no limit.
        effort: how much search to spend on shift-add networks: `low`, `default`, `high` (the last adders, for
            minutes), or a number, which is 0, 0.03 or 1 for these words.
        solver: name of the solver of shift-add networks; `netloom plugins` lists them.
    """

    strategy: str = "auto"
    reuse_factor: int | str = 1
    tree_capacity: str = ""
    tables: str = "off"
    weights: str = "internal"
    memory_latency: int = 32
    parallel_pixels: int | str = 1
    parallel_channels: int | str = 0
    frame_interval: int = 0
    dsp_budget: int = -1
    fifo_depth: int | str = "fast"
    strict: bool = False
    depth_slack: int = 1
    effort: float | str = 0.03
    solver: str = "sharing"

    outside_forms: ClassVar[tuple[str, ...]] = ()
    """Forms of design in which the backend can read weights from outside."""
    tree_memories: ClassVar[bool] = False
    """Whether the backend has engines for trees in memories."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        for name in PER_LAYER:
            text = _per_layer_text(getattr(self, name))
            if '"' in text:
                raise CompileError(
                    "NL203",
                    f"{name} has a quotation mark: {text}",
                    origin=name,
                    supported="names and patterns of layers without quotation marks",
                    hint="put ? in its place, which matches any character",
                )
            object.__setattr__(self, name, text)
        if "external" in self.weights and self.io not in self.outside_forms:
            raise CompileError(
                "NL203",
                f"weights are '{self.weights}' with backend '{self.backend}' and io='{self.io}'",
                origin="weights",
                supported="weights outside the chip in backend 'vhdl' with io='stream'",
            )
        object.__setattr__(self, "effort", effort_of(self.effort))
        self._check_trees()
        self._check_beats()
        if self.dsp_budget < -1:
            raise CompileError(
                "NL203",
                f"dsp_budget is {self.dsp_budget}",
                origin="dsp_budget",
                supported="-1 (any number of multipliers), 0, 1, 2, ...",
            )
        if self.depth_slack < -1:
            raise CompileError(
                "NL203",
                f"depth_slack is {self.depth_slack}",
                origin="depth_slack",
                supported="-1 (no limit), 0, 1, 2, ...",
            )

    def _check_beats(self) -> None:
        """Only streams have beats."""
        for name in ("parallel_pixels", "parallel_channels"):
            value = getattr(self, name)
            if self.io != "stream" and value != str(getattr(StrategyOptions, name)):
                raise CompileError(
                    "NL203",
                    f"{name} is '{value}' with io='{self.io}'",
                    origin=name,
                    supported=f"{name} with io='stream'",
                    hint="a parallel design has all pixels and channels at once",
                )

    def _check_trees(self) -> None:
        """Trees in memories need a backend that has them; a capacity needs memories."""
        if self.trees_in_memory and not self.tree_memories:
            raise CompileError(
                "NL203",
                f"strategy is '{self.strategy}' with backend '{self.backend}'",
                origin="strategy",
                supported="strategy 'memory' in backend 'vhdl'",
                hint="compile with backend='vhdl', or leave 'memory' out: trees become tables",
            )
        if self.tree_capacity and not self.trees_in_memory:
            raise CompileError(
                "NL203",
                f"tree_capacity is '{self.tree_capacity}' without trees in memories",
                origin="tree_capacity",
                supported="a capacity with strategy 'memory'",
                hint="choose strategy='memory'",
            )

    @property
    def trees_in_memory(self) -> bool:
        """Whether the strategy names memories."""
        return MEMORY in (strategy for _, strategy in entries(self.strategy))

    @property
    def preparation(self) -> str:
        """The pass that keeps room for other trees, for a pipeline."""
        if not self.trees_in_memory:
            return ""
        return f'replaceable-trees{{strategy="{self.strategy}" capacity="{self.tree_capacity}"}}'

    @property
    def _of_products(self) -> str:
        """The strategies of matrix products."""
        parts = (part.strip() for part in self.strategy.split(";"))
        return "; ".join(part for part in parts if part.rpartition("=")[2].strip() != MEMORY) or "auto"

    @property
    def lowering(self) -> str:
        """The passes that carry these options out, for a pipeline."""
        given = self._of_products
        chosen = given if "=" not in given.partition(";")[0] else f"auto; {given}"
        clock = f"clock-period-ns={self.clock_period_ns} device={self.device}"
        trees = f"place-trees{{{clock}}}," if self.trees_in_memory else ""
        windows = "lower-windows," if self.io == "parallel" else ""
        networks = f"depth-slack={self.depth_slack} effort={self.effort} solver={self.solver}"
        # In a stream one network serves all positions, and each branch has a stage of its own.
        shared = f"share-products{{{networks}}}," if self.io == "parallel" else ""
        return (
            f'{windows}lower-dense{{strategy="{chosen}"}},'
            f'set-reuse-factors{{reuse-factor="{self.reuse_factor}" strict={str(self.strict).lower()}}},'
            f"{trees}"
            f"balance-layers{{form={self.io} interval={self.frame_interval}}},"
            f"{self._placing}"
            f"{self._tables}"
            f"{shared}"
            f"build-adder-graphs{{{networks}}}"
            f"{self._multipliers(chosen, networks)}"
        )

    def _multipliers(self, strategy: str, networks: str) -> str:
        """The pass for a budget of multipliers, when there is one."""
        if self.dsp_budget == -1:
            return ""
        where = f"form={self.io} interval={self.frame_interval} device={self.device}"
        return f',spend-multipliers{{budget={self.dsp_budget} strategy="{strategy}" {where} {networks}}}'

    @property
    def _placing(self) -> str:
        """The pass for weights outside, when there may be any."""
        if self.weights == "internal":
            return ""
        return f'place-weights{{weights="{self.weights}" memory-latency={self.memory_latency}}},'

    @property
    def _tables(self) -> str:
        """The pass for neurons of few input bits, when there may be any."""
        if self.tables == "off":
            return ""
        return f'neurons-to-tables{{tables="{self.tables}" device={self.device} solver={self.solver}}},'

    @property
    def streams(self) -> str:
        """The passes that make streams of a program, for a pipeline."""
        return f"transposes-to-host,{self._folding}{self.lowering},stream-lower,insert-fifos"

    @property
    def _folding(self) -> str:
        """The passes for beats that are not one pixel each."""
        strict = str(self.strict).lower()
        passes = ""
        if self.parallel_channels != "0":
            passes += f'parallel-channels{{channels="{self.parallel_channels}" strict={strict}}},'
        if self.parallel_pixels != "1":
            passes += f'parallel-pixels{{pixels="{self.parallel_pixels}" strict={strict}}},'
        return passes

    @property
    def stage_schedule(self) -> str:
        """The passes that plan registers and FIFOs of a streaming program, for a pipeline."""
        clock = f"clock-period-ns={self.clock_period_ns} device={self.device}"
        depths = f'optimize-fifos{{depth="{self.fifo_depth}"}}'
        return f"schedule-stages{{{clock}}},{depths},predict-timing{{{clock}}}"


def effort_of(value: float | str) -> float:
    """An effort as a number.

    Raises:
        CompileError: NL203 for a word that is none, or a negative number.
    """
    text = str(value)
    with suppress(ValueError):
        value = EFFORTS[text] if text in EFFORTS else float(text)
    if isinstance(value, str) or not value >= 0:
        raise CompileError(
            "NL203",
            f"effort is {value!r}",
            origin="effort",
            supported=f"{', '.join(EFFORTS)}, or a number that is not negative",
            hint=suggestion(text, list(EFFORTS)),
        )
    return float(value)


def _per_layer_text(value: object) -> str:
    """A value for all layers, or one for each, as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{layer}={choice}" for layer, choice in value.items())
    return str(value)
