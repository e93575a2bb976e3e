"""The xDSL context with netloom's dialects loaded and a store for the data of large constants."""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.dialects.func import Func

from netloom.ir.attributes import Array
from netloom.ir.da import Da
from netloom.ir.flow import Flow
from netloom.ir.fx import Fx
from netloom.ir.nn import Nn
from netloom.ir.tree import Tree

DIALECTS = (Fx, Nn, Tree, Da, Flow)


class NetloomContext(Context):
    """Knows the dialects; `resources` maps content hashes to arrays while a file is parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.resources: dict[str, Array] = {}
        for dialect in (Builtin, Func, *DIALECTS):
            self.load_dialect(dialect)
