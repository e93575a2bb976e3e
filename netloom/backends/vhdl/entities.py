"""The entities of layers, and what surrounds them: shared by both forms of design."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.layers.layer import Layer
from netloom.backends.vhdl.layers.registry import layer_for
from netloom.backends.vhdl.names import Names, identifier
from netloom.backends.vhdl.text import vector
from netloom.ir.base import NetloomOp
from netloom.passes.analysis.hardware import Hardware
from netloom.passes.analysis.ranges import value_intervals

LIBRARY = "netloom.backends.vhdl"
PACKAGE = "netloom_fx"
MULTIPLIERS = "netloom_mac"
"""Files of `lib/` that a project has always, and when a layer shares multipliers."""
FOREST = ("netloom_tree_engine", "netloom_forest")
"""When trees stand in memories."""


@cache
def environment() -> Environment:
    """The templates; an undefined name in one is an error."""
    return Environment(
        loader=PackageLoader(LIBRARY),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def library(names: list[str]) -> dict[str, str]:
    """Hand-written files by path."""
    return {f"src/{name}.vhd": files(LIBRARY).joinpath(f"lib/{name}.vhd").read_text() for name in names}


def layers_of(
    module: ModuleOp, program: Hardware, prefix: str, names: Names
) -> dict[NetloomOp, tuple[str, Layer]]:
    """Name and text of an entity for each op that is more than a change of shape."""
    intervals = value_intervals(module)
    found: dict[NetloomOp, tuple[str, Layer]] = {}
    for op in program.ops:
        layer = layer_for(op, intervals)
        if layer is not None:
            origin = identifier(op.origin_name)
            suffix = "" if origin.endswith(layer.kind) else f"_{layer.kind}"
            found[op] = (names.fresh(f"{prefix}_{origin}{suffix}"), layer)
    return found


def entity_text(op: NetloomOp, entity: str, layer: Layer) -> str:
    """The file of a layer's entity."""
    ports = [
        {"name": "clk", "mode": "in", "type": "std_logic"},
        {"name": "ce", "mode": "in", "type": "std_logic"},
    ]
    if not layer.latency_cycles:
        ports = []
    if layer.started:
        ports[1:1] = [{"name": "rst", "mode": "in", "type": "std_logic"}]
        ports.append({"name": "start", "mode": "in", "type": "std_logic"})
    if layer.word_bits:
        ports.append({"name": "word", "mode": "in", "type": vector(layer.word_bits)})
        ports.append({"name": "reading", "mode": "out", "type": "std_logic"})
    if layer.writes is not None:
        ports += layer.writes.signals
    ports += [{"name": o.port, "mode": "in", "type": vector(o.bits)} for o in layer.operands]
    ports.append({"name": "y", "mode": "out", "type": vector(layer.y_bits)})
    return (
        environment()
        .get_template("entity.vhd.j2")
        .render(
            name=entity,
            op=op.name,
            origin=comment(op.origin_name),
            summary=layer.summary,
            latency=layer.latency_cycles,
            ports=ports,
            declarations=layer.declarations,
            statements=layer.statements,
        )
    )


def comment(text: str) -> str:
    """Text that cannot leave a comment line."""
    return " ".join(text.split())
