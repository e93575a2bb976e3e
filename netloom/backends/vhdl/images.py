"""The loader file of a project whose trees stand in memories, and the port that it goes through."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from netloom.backends.vhdl.layers.layer import WritePort
from netloom.passes.analysis.tree_image import FILE, tree_image
from netloom.passes.analysis.tree_memory import all_in_memories, memory_of


def image_files(module: ModuleOp) -> dict[str, str]:
    """The file with the first contents, if there are memories."""
    image = tree_image(module)
    return {} if image is None else {FILE: image.text}


def image_properties(module: ModuleOp) -> dict[str, str]:
    """The property `trees`: its path."""
    return {"trees": FILE} if all_in_memories(module) else {}


def write_port(module: ModuleOp) -> WritePort | None:
    """The port through which a program's memories are written; all of them share it."""
    found = all_in_memories(module)
    if not found:
        return None
    memory = memory_of(found[0])
    return WritePort(memory.page_bits + memory.place_bits, memory.data_bits)
