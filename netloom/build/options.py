"""Options of the open flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from netloom.build.targets import ECP5_DEVICES, TARGETS
from netloom.core.diagnostics import CompileError, suggestion
from netloom.core.options import typed

PLACERS = ("auto", "static", "heap")
ROUTERS = ("router2", "router1")
SPEEDS = (6, 7, 8)


@dataclass(frozen=True)
class OpenOptions:
    """What a run of the open flow does.

    Attributes:
        targets: families, comma separated: xcup (AMD UltraScale+, to counts), ecp5 (Lattice, to the
            bitstream).
        route: whether place and route follow for a family that has them.
        bitstream: whether the bitstream follows after that.
        ecp5_device: auto for the smallest that holds the design, or 12k, 25k, 45k, 85k.
        package: Lattice's name of the package; the harness needs four pins.
        speed: speed grade of ECP5, 6 (slowest) to 8.
        seed: of the placer.
        placer: static (shorter wires for designs of adders), heap, or auto: static, and heap where that
            gives up.
        router: router2 (fast on large designs) or router1.
        timeout_s: limit for each call of a tool in seconds; 0 for none.
    """

    targets: str = "xcup,ecp5"
    route: bool = True
    bitstream: bool = True
    ecp5_device: str = "auto"
    package: str = "CABGA381"
    speed: int = 6
    seed: int = 1
    placer: str = "auto"
    router: str = "router2"
    timeout_s: float = 0.0

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            CompileError: NL203.
        """
        devices = ("auto", *(device.name for device in ECP5_DEVICES))
        checks: list[tuple[str, object, tuple[object, ...]]] = [
            ("targets", name, tuple(TARGETS)) for name in self.families or ("",)
        ]
        checks += [
            ("ecp5_device", self.ecp5_device, devices),
            ("speed", self.speed, SPEEDS),
            ("placer", self.placer, PLACERS),
            ("router", self.router, ROUTERS),
        ]
        for name, value, allowed in checks:
            if value not in allowed:
                texts = list(map(str, allowed))
                raise CompileError(
                    "NL203",
                    f"{name} is '{value}'",
                    origin=name,
                    supported=", ".join(texts),
                    hint=suggestion(str(value), texts),
                )

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the families."""
        return tuple(name.strip() for name in self.targets.split(",") if name.strip())

    @classmethod
    def from_user(cls, values: Mapping[str, Any]) -> Self:
        """Options from names and values; `targets` may be a sequence of names.

        Raises:
            CompileError: NL201 for a name that is no option, NL203 for a value.
        """
        known = [option.name for option in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise CompileError(
                    "NL201",
                    f"'{name}' is not an option of the open flow",
                    origin=name,
                    supported=", ".join(known),
                    hint=suggestion(name, known),
                )
        given = dict(values)
        if isinstance(given.get("targets"), list | tuple):
            given["targets"] = ",".join(given["targets"])
        return cls(**typed(cls, given))
