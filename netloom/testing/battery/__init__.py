"""The battery: tables of cases by topic. Every op of the dialects that hardware has is in one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netloom.testing.battery.casts import casts
from netloom.testing.battery.elementwise import elementwise
from netloom.testing.battery.ensembles import ensembles
from netloom.testing.battery.luts import luts
from netloom.testing.battery.products import dense, kernels, layers, matmuls
from netloom.testing.battery.tables import tables
from netloom.testing.battery.trees import trees
from netloom.testing.battery.wiring import wiring
from netloom.testing.cases import Case

TOPICS: Mapping[str, Callable[[], Sequence[Case]]] = {
    "casts": casts,
    "elementwise": elementwise,
    "tables": tables,
    "trees": trees,
    "ensembles": ensembles,
    "matmuls": matmuls,
    "dense": dense,
    "kernels": kernels,
    "luts": luts,
    "wiring": wiring,
}
"""Cases that do not depend on the strategy; `layers` are run once for each."""

__all__ = ["TOPICS", "layers"]
