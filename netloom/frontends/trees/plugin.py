"""The frontend of tree libraries, registered through the plugin hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import ModuleOp

from netloom.core.hooks import hookimpl

if TYPE_CHECKING:
    from netloom.frontends.trees.forest import Forest

FILES = (".json", ".ubj", ".txt")
PICKLES = (".pkl", ".pickle", ".joblib")
LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost")


@dataclass(frozen=True)
class TreesFrontend:
    """Boosted trees and forests: fitted objects, and the libraries' own text files."""

    name: str = "trees"
    description: str = (
        "fitted trees of scikit-learn, XGBoost, LightGBM and CatBoost; .json and .ubj of XGBoost, .txt of"
        " LightGBM, .json of CatBoost"
    )

    def accepts(self, model: Any) -> bool:
        """Files by their ending, objects by the library of their class."""
        if isinstance(model, str | Path):
            return Path(model).suffix.lower() in (*FILES, *PICKLES)
        return any(base.__module__.split(".")[0] in LIBRARIES for base in type(model).__mro__)

    def load(self, model: Any) -> ModuleOp:
        """Read a model.

        Raises:
            CompileError: NL101, NL111, NL121 to NL124.
        """
        from netloom.frontends.trees.forest import module_of

        return module_of(forest_of(model))


def forest_of(model: Any) -> Forest:
    """The forest of a fitted object or of a file.

    Raises:
        CompileError: NL101 for a file that cannot be read, NL111 for what is none of these, NL121 for a
            model that is not fitted, NL122 to NL124 for what has no exact form.
    """
    from netloom.frontends.trees.files import from_path
    from netloom.frontends.trees.objects import from_object

    if isinstance(model, str | Path):
        return from_path(Path(model))
    return from_object(model)


@hookimpl
def netloom_frontends() -> Sequence[TreesFrontend]:
    """The frontend."""
    return [TreesFrontend()]
