"""Fitted objects of tree libraries: which library an object is of, and its forest."""

from __future__ import annotations

from typing import Any

from netloom.frontends.trees import catboost, lightgbm, sklearn, xgboost
from netloom.frontends.trees.errors import unsupported
from netloom.frontends.trees.forest import Forest

READERS = {
    "xgboost": xgboost.from_object,
    "lightgbm": lightgbm.from_object,
    "catboost": catboost.from_object,
    "sklearn": sklearn.from_object,
}
"""By library; an object of XGBoost or LightGBM may also be one of scikit-learn, so these come first."""


def from_object(model: Any) -> Forest:
    """The forest of a fitted object.

    Raises:
        CompileError: NL121 when it is not fitted, NL122 for what has no exact form, NL123 for splits.
    """
    libraries = {base.__module__.split(".")[0] for base in type(model).__mro__}
    for library, reader in READERS.items():
        if library in libraries:
            return reader(model)
    raise unsupported(
        f"{type(model).__name__} is no ensemble of trees", type(model).__name__, ", ".join(READERS)
    )
