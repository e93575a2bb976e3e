"""Model files: which library wrote a file, and its forest."""

from __future__ import annotations

import json
from pathlib import Path

from netloom.core.diagnostics import CompileError
from netloom.frontends.trees import catboost, lightgbm, xgboost
from netloom.frontends.trees.errors import corrupted
from netloom.frontends.trees.forest import Forest
from netloom.frontends.trees.ubjson import UbjsonError, loads

FILES = "XGBoost .json and .ubj, LightGBM .txt, CatBoost .json of oblivious trees"


def from_path(path: Path) -> Forest:
    """The forest of a file, named after it.

    Raises:
        CompileError: NL101 when it cannot be read, NL111 for a pickle, NL124 when it is no model, and what
            the readers of the libraries raise.
    """
    ending = path.suffix.lower()
    if ending not in (".json", ".ubj", ".txt"):
        raise CompileError(
            "NL111",
            "loading a pickle runs whatever code is in it",
            origin=path.name,
            supported=FILES,
            hint="if you trust it, load it yourself and pass the object",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CompileError(
            "NL101", error.strerror or str(error), origin=path.name, hint="check the path"
        ) from error
    forest = (
        lightgbm.from_text(_text(data, path.name), path.name) if ending == ".txt" else _parsed(data, path)
    )
    return forest.named(path.stem)


def _text(data: bytes, origin: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise corrupted(origin, "it is not text") from error


def _parsed(data: bytes, path: Path) -> Forest:
    try:
        document = loads(data) if path.suffix.lower() == ".ubj" else json.loads(data)
    except (UbjsonError, ValueError, RecursionError) as error:
        raise corrupted(path.name, f"it cannot be parsed: {error}") from error
    if isinstance(document, dict) and ("oblivious_trees" in document or "features_info" in document):
        return catboost.from_document(document, path.name)
    if isinstance(document, dict) and "learner" in document:
        return xgboost.from_document(document, path.name)
    raise corrupted(path.name, "it is no model of XGBoost or CatBoost")
