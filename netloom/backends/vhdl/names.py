"""Legal, unique and deterministic VHDL names from the names of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 56
"""Names are cut to this length; tools print hierarchies of them."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESERVED = _words(
    """
    abs access after alias all and architecture array assert assume assume_guarantee attribute begin
    block body buffer bus case component configuration constant context cover default disconnect
    downto else elsif end entity exit fairness file for force function generate generic group guarded
    if impure in inertial inout is label library linkage literal loop map mod nand new next nor not
    null of on open or others out package parameter port postponed procedure process property
    protected pure range record register reject release rem report restrict restrict_guarantee return
    rol ror select sequence severity shared signal sla sll sra srl strong subtype then to transport
    type unaffected units until use variable vmode vprop vunit wait when while with xnor xor
    """
)

USED = _words(
    """
    clk rst ce in_valid out_valid valid flags row rtl work ieee std std_logic std_logic_vector signed
    unsigned rising_edge elem ext cast clip product natural positive integer boolean to_signed
    to_unsigned to_integer resize
    """
)
"""What the generated text itself refers to."""


def identifier(text: str) -> str:
    """A VHDL identifier close to `text`: lower case, letters, digits and single underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:MAX_LENGTH].strip("_")
    if not name or not name[0].isalpha():
        name = f"n_{name}".rstrip("_")
    return name


class Names:
    """Hands out identifiers, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def fresh(self, text: str) -> str:
        """An identifier for `text`, numbered from 2 on when it is in use."""
        base = identifier(text)
        if base in RESERVED or base in USED:
            base = f"{base}_port"
        name = base
        number = 2
        while name in self._taken:
            name = f"{base}_{number}"
            number += 1
        self._taken.add(name)
        return name
