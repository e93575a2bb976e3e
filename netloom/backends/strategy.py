"""Options of backends that choose how each layer becomes hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netloom.backends.base import BackendOptions
from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class StrategyOptions(BackendOptions):
    """How constant matrix products become hardware; the same for every backend.

    Attributes:
        strategy: `adder_graph` (shared adders, no multipliers), `latency` (a multiplier for each
            weight, adder trees), `resource` (shared multipliers, see `reuse_factor`) or `auto`
            (`adder_graph` in a parallel design; in a stream also `resource` for layers that have cycles to
            spare); for single layers a dict {name or pattern: strategy} or its text form
            `adder_graph; fc1*=latency`.
        reuse_factor: how many products each multiplier of a `resource` layer computes, one a clock
            cycle; also the interval between two inputs. A number, a dict {name or pattern: number} or its
            text form `16; fc1*=4`.
        weights: where the weights of `resource` layers stand: `internal`, or `external` in a memory outside
            that is read through an AXI4 port (streaming VHDL only); for single layers a dict {name or
            pattern: place} or its text form `internal; fc1*=external`.
        memory_latency: cycles that the memory outside takes to answer; timing is predicted for it.
        frame_interval: cycles that a frame of a stream may take, for layers of strategy `auto`; 0 for as
            many as the widest image has pixels. More cycles mean fewer multipliers.
        fifo_depth: depths of the FIFOs of a stream: `fast` (the smallest that keep latency and interval),
            `interval` (the interval alone), `small` (the least that does not deadlock), `quick` (as `fast`,
            without making any smaller) or a number; single ones as a dict {name or pattern: beats} or in its
            text form `fast; skip*=64`.
        strict: whether a reuse factor that does not divide a layer is refused, instead of replaced by
            the nearest one that does.
        depth_slack: how many adder levels deeper than necessary an output of a shift-add network
            may be in exchange for fewer adders; -1 means no limit.
        effort: how much search to spend on shift-add networks; 1 and more for the last adders.
        solver: name of the solver of shift-add networks; `netloom plugins` lists them.
    """

    strategy: str = "auto"
    reuse_factor: int | str = 1
    weights: str = "internal"
    memory_latency: int = 32
    frame_interval: int = 0
    fifo_depth: int | str = "fast"
    strict: bool = False
    depth_slack: int = 1
    effort: float = 0.03
    solver: str = "sharing"

    outside_forms: ClassVar[tuple[str, ...]] = ()
    """Forms of design in which the backend can read weights from outside."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203 for a value that is not allowed, NL206 for an unknown device.
        """
        super().__post_init__()
        for name in ("strategy", "reuse_factor", "fifo_depth", "weights"):
            object.__setattr__(self, name, _per_layer_text(getattr(self, name)))
        if "external" in self.weights and self.io not in self.outside_forms:
            raise CompileError(
                "NL203",
                f"weights are '{self.weights}' with backend '{self.backend}' and io='{self.io}'",
                origin="weights",
                supported="weights outside the chip in backend 'vhdl' with io='stream'",
            )
        if self.depth_slack < -1:
            raise CompileError(
                "NL203",
                f"depth_slack is {self.depth_slack}",
                origin="depth_slack",
                supported="-1 (no limit), 0, 1, 2, ...",
            )

    @property
    def lowering(self) -> str:
        """The passes that carry these options out, for a pipeline."""
        chosen = self.strategy if "=" not in self.strategy.partition(";")[0] else f"auto; {self.strategy}"
        windows = "lower-windows," if self.io == "parallel" else ""
        return (
            f'{windows}lower-dense{{strategy="{chosen}"}},'
            f'set-reuse-factors{{reuse-factor="{self.reuse_factor}" strict={str(self.strict).lower()}}},'
            f"balance-layers{{form={self.io} interval={self.frame_interval}}},"
            f"{self._placing}"
            f"build-adder-graphs{{depth-slack={self.depth_slack} effort={self.effort} solver={self.solver}}}"
        )


    @property
    def _placing(self) -> str:
        """The pass for weights outside, when there may be any."""
        if self.weights == "internal":
            return ""
        return f'place-weights{{weights="{self.weights}" memory-latency={self.memory_latency}}},'

    @property
    def streams(self) -> str:
        """The passes that make streams of a program, for a pipeline."""
        return f"transposes-to-host,{self.lowering},stream-lower,insert-fifos"

    @property
    def stage_schedule(self) -> str:
        """The passes that plan registers and FIFOs of a streaming program, for a pipeline."""
        clock = f"clock-period-ns={self.clock_period_ns} device={self.device}"
        depths = f'optimize-fifos{{depth="{self.fifo_depth}"}}'
        return f"schedule-stages{{{clock}}},{depths},predict-timing{{{clock}}}"


def _per_layer_text(value: object) -> str:
    """A value for all layers, or one for each, as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{layer}={choice}" for layer, choice in value.items())
    return str(value)
