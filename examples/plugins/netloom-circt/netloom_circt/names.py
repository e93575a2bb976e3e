"""Legal, unique and deterministic SystemVerilog names from the names of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 56
"""Names are cut to this length; tools print hierarchies of them."""

# IEEE 1800-2017, annex B. CIRCT would rename a port that is called so, and nobody would find it again.
SYSTEMVERILOG = """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before
    begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class
    clocking cmos config const constraint context continue cover covergroup coverpoint cross deassign
    default defparam design disable dist do edge else end endcase endchecker endclass endclocking endconfig
    endfunction endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram endproperty
    endsequence endspecify endtable endtask enum event eventually expect export extends extern final
    first_match for force foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff
    ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input inside
    instance int integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype new
    nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge
    primitive priority program property protected pull0 pull1 pulldown pullup pulsestyle_ondetect
    pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime ref reg reject_on release
    repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until
    s_until_with scalared sequence shortint shortreal showcancelled signed small soft solve specify specparam
    static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table
    tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior
    trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual
    void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""

# Ports are members of the class that Verilator writes, among its methods and the words of C++.
CPP = """
    alignas alignof asm auto bool catch char char8_t char16_t char32_t concept const_cast consteval constexpr
    constinit co_await co_return co_yield decltype delete double dynamic_cast explicit false float friend
    goto inline long mutable namespace noexcept nullptr operator private public register reinterpret_cast
    requires short sizeof static_assert static_cast switch template thread_local throw true try typeid
    typename using volatile wchar_t
    eval eval_step eval_end_step name contextp trace rootp vlsymsp vlnamep main
"""

RESERVED = frozenset(f"{SYSTEMVERILOG} {CPP} clk rst ce in_valid out_valid".split())


def identifier(text: str) -> str:
    """An identifier close to `text`: lower case, letters, digits and single underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:MAX_LENGTH].strip("_")
    if not name or not name[0].isalpha():
        name = f"n_{name}".rstrip("_")
    return f"{name}_port" if name in RESERVED else name


class Names:
    """Hands out identifiers, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def fresh(self, text: str) -> str:
        """An identifier for `text`, numbered from 2 on when it is in use."""
        base = name = identifier(text)
        number = 2
        while name in self._taken:
            name = f"{base}_{number}"
            number += 1
        self._taken.add(name)
        return name
