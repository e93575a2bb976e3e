"""The loader file of a design whose trees stand in memories: a header, and a word for each address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError
from netloom.ir.program import main, model_name
from netloom.ir.tree import EnsembleOp
from netloom.passes.analysis.tree_memory import all_in_memories, memory_of, words_of

FORMAT = "netloom trees 1"
FILE = "trees/trees.json"
"""Path of the first contents in a project."""


@dataclass(frozen=True)
class TreeImage:
    """What stands in the memories of a design.

    Attributes:
        model: name of the model.
        address_bits: of the write port.
        data_bits: of the write port.
        ensembles: of each ensemble its place and what its memories hold, by name; see the file.
        words: address and data of each word, in order.
    """

    model: str
    address_bits: int
    data_bits: int
    ensembles: tuple[dict[str, Any], ...]
    words: tuple[tuple[int, int], ...]

    @property
    def lines(self) -> str:
        """Address and data of each word in hexadecimal, a line each, as the test bench reads them."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        address, data = -(-self.address_bits // 4), -(-self.data_bits // 4)
        return (f"{place:0{address}X} {word:0{data}X}" for place, word in self.words)

    @property
    def text(self) -> str:
        """The loader file, the same bytes every time."""
        header = {
            "format": FORMAT,
            "model": self.model,
            "address_bits": self.address_bits,
            "data_bits": self.data_bits,
            "ensembles": list(self.ensembles),
            "words": list(self._lines()),
        }
        return json.dumps(header, indent=1) + "\n"

    @staticmethod
    def parse(text: str, origin: str = "") -> TreeImage:
        """What `text` wrote.

        Raises:
            CompileError: NL605 for text that is no loader file.
        """
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise ValueError(data["format"])
            words = (line.split() for line in data["words"])
            return TreeImage(
                data["model"],
                int(data["address_bits"]),
                int(data["data_bits"]),
                tuple(data["ensembles"]),
                tuple((int(address, 16), int(word, 16)) for address, word in words),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CompileError("NL605", "it is no loader file of trees", origin=origin) from error


def tree_image(module: ModuleOp) -> TreeImage | None:
    """The first contents of a program's memories; None when no trees stand in any.

    Raises:
        CompileError: NL308 before the pass `place-trees`, NL610 for trees that do not fit.
    """
    found = all_in_memories(module)
    if not found:
        return None
    memory = memory_of(found[0])
    words = (word for op in found for word in _words(op))
    return TreeImage(
        model_name(main(module)),
        memory.page_bits + memory.place_bits,
        memory.data_bits,
        tuple(_described(op) for op in found),
        tuple(words),
    )


def _words(op: EnsembleOp) -> Iterator[tuple[int, int]]:
    """Address and data, page by page."""
    memory = memory_of(op)
    for page, words in enumerate(words_of(op).pages()):
        start = memory.first_page + page << memory.place_bits
        yield from ((start + place, word) for place, word in enumerate(words))


def _described(op: EnsembleOp) -> dict[str, Any]:
    memory = memory_of(op)
    return {
        "layer": op.origin_name,
        "trees": op.ensemble.n_trees,
        "engines": memory.engines,
        "trees_of_an_engine": memory.trees_each,
        "depth": memory.depth,
        "comparisons_of_an_engine": 1 << memory.node_bits,
        "leaves_of_an_engine": 1 << memory.leaf_bits,
        "features": memory.features,
        "input": str(op.operand_formats[0]),
        "outputs": memory.outputs,
        "scores": str(op.result_format),
        "leaf": "one score" if memory.one_class else "a value for each score",
        "first_page": memory.first_page,
        "words_of_a_page": 1 << memory.place_bits,
    }
