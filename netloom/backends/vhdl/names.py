"""Legal, unique and deterministic VHDL names from the names of a model."""

from __future__ import annotations

from collections.abc import Iterable

from netloom.backends import names
from netloom.backends.names import identifier, words

__all__ = ["RESERVED", "USED", "Names", "identifier"]

RESERVED = words(
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

USED = words(
    """
    clk rst ce in_valid in_ready out_valid valid accepted waiting start flags row rtl work ieee std
    std_logic std_logic_vector signed unsigned rising_edge elem ext cast clip product natural positive
    integer boolean to_signed to_unsigned to_integer resize
    tree_write tree_address tree_data tree_write_now tree_address_now tree_data_now
    """
)
"""What the generated text itself refers to."""


class Names(names.Names):
    """Hands out VHDL identifiers, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__(taken, RESERVED | USED)
