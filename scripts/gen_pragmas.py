"""Write docs/reference/pragmas.md from the vendors' tables of pragmas.

.venv/bin/python scripts/gen_pragmas.py
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from pathlib import Path

from netloom.backends.catapult import vendor as catapult
from netloom.backends.hls import pragmas
from netloom.backends.hls.vendor import Vendor
from netloom.backends.quartus import vendor as quartus
from netloom.backends.vivado import vendor as vivado

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "pragmas.md"
VENDORS = {
    "vivado": vivado.VIVADO,
    "vitis": vivado.VITIS,
    "quartus": quartus.QUARTUS,
    "catapult": catapult.CATAPULT,
}
MODULES = {"vivado": vivado, "vitis": vivado, "quartus": quartus, "catapult": catapult}
PLACES = {"before": "before the loop, function or variable", "inside": "inside the block"}
HEAD = """\
# Pragmas

<!-- Written by scripts/gen_pragmas.py; edit the tables in netloom/backends/*/vendor.py instead. -->

Every pragma and attribute that the generated C++ contains, and where the vendor's manual lists it. The
printer asks for a purpose; a vendor without an entry needs no pragma for it.
"""


def meanings() -> dict[str, str]:
    """What each purpose asks for: the strings below the constants of `netloom.backends.hls.pragmas`."""
    body = ast.parse(inspect.getsource(pragmas)).body
    found: dict[str, str] = {}
    for first, second in pairwise(body):
        if isinstance(first, ast.Assign) and isinstance(second, ast.Expr):
            found[ast.literal_eval(first.value)] = " ".join(ast.literal_eval(second.value).split())
    return found


def page() -> str:
    """The page's text."""
    known = meanings()
    purposes = [f"| `{purpose}` | {known[purpose]} |" for purpose in pragmas.PURPOSES]
    parts = ["\n".join(["## Purposes", "", "| purpose | what is wanted |", "| --- | --- |", *purposes])]
    parts += [_section(backend, vendor) for backend, vendor in VENDORS.items()]
    return HEAD + "\n" + "\n\n".join(parts) + "\n"


def _section(backend: str, vendor: Vendor) -> str:
    rows = [
        f"| `{purpose}` | `{entry.text.strip()}` | {PLACES[entry.place]} | {entry.manual} |"
        for purpose in pragmas.PURPOSES
        for entry in vendor.pragmas.get(purpose, ())
    ]
    documented = inspect.getdoc(MODULES[backend]) or ""
    notes = " ".join(documented.split("\n\n", 1)[-1].split())
    lines = [f"## {vendor.title}", "", f"Backend `{backend}`. {notes}", ""]
    head = ["| purpose | text | place | manual |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *head, *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
