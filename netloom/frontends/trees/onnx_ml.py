"""Operators of the domain ai.onnx.ml: ensembles of trees and what exporters put around them.

The attributes of TreeEnsembleClassifier and TreeEnsembleRegressor are those of ai.onnx.ml 1 to 3, those
of TreeEnsemble are of ai.onnx.ml 5. Where the specification is silent (which class a binary score means)
the rule is that of ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper
from xdsl.ir import SSAValue

from netloom.core.cuts import cuts
from netloom.core.ensemble import Ensemble
from netloom.frontends.onnx.importer import Converter, NodeContext
from netloom.frontends.trees.errors import MALFORMED, bad_split, corrupted, unsupported
from netloom.frontends.trees.forest import Writer
from netloom.frontends.trees.nodes import Tree, TreeBuilder, ensemble_of, two_columns
from netloom.ir.attributes import shape_of
from netloom.ir.nn import MulOp, SubOp
from netloom.ir.tree import ensemble_op

Reals = NDArray[np.float64]
Results = list[SSAValue]

DOMAIN = "ai.onnx.ml"

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
"""By number, as TreeEnsemble has them."""


class _Nodes:
    """Writes comparing nodes of all modes; branches are numbers of the builder's nodes."""

    def __init__(self, node: NodeContext, features: int, outputs: int, kind: Any) -> None:
        self.node, self.features, self.outputs, self.kind = node, features, outputs, kind

    def equal(self, value: float) -> tuple[float, float]:
        """The numbers that equal a value, as an interval [low, high)."""
        below, up_to = (
            float(cuts(np.array(value), inclusive=inclusive, rounded_to=self.kind))
            for inclusive in (False, True)
        )
        return below, up_to

    def comparison(
        self,
        builder: TreeBuilder,
        place: int,
        mode: str,
        feature: int,
        value: float,
        yes: int,
        no: int,
        nan: bool,
    ) -> None:
        """One comparing node; `nan` says whether a NaN takes the branch `yes`."""
        below, up_to = self.equal(value)
        if mode in ("BRANCH_LT", "BRANCH_LEQ"):
            builder.compare(place, feature, below if mode == "BRANCH_LT" else up_to, yes, no, nan)
        elif mode in ("BRANCH_GTE", "BRANCH_GT"):
            builder.compare(place, feature, below if mode == "BRANCH_GTE" else up_to, no, yes, not nan)
        elif mode == "BRANCH_EQ":
            builder.members(place, feature, [(below, up_to)], yes, no, nan)
        elif mode == "BRANCH_NEQ":
            # A NaN differs from every number, whatever is said of missing values.
            builder.members(place, feature, [(below, up_to)], no, yes, False)
        else:
            raise bad_split(f"a node of mode '{mode}'", self.node.name, ", ".join(MODES[:6]))


def _ensemble(node: NodeContext, prefix: str, outputs: int) -> Ensemble:
    """The trees of the older operators; their leaves are in the attributes `prefix`_*.

    Raises:
        CompileError: NL122 for aggregates, NL123 for modes, NL124 for attributes that do not fit together.
    """
    aggregate = node.attribute("aggregate_function", "SUM")
    if aggregate not in ("SUM", "AVERAGE"):
        raise unsupported(f"aggregate_function {aggregate}", node.name, "SUM, AVERAGE")
    features = node.shape()[-1]
    try:
        keys = [
            (int(t), int(n))
            for t, n in zip(_list(node, "nodes_treeids"), _list(node, "nodes_nodeids"), strict=True)
        ]
        place = {key: number for number, key in enumerate(keys)}
        if len(place) != len(keys):
            raise ValueError("two nodes have one number")
        builder = TreeBuilder(outputs)
        for _ in keys:
            builder.reserve()
        _write_nodes(node, features, builder, keys, place)
        values = _leaf_values(node, prefix, outputs, place)
        for number, row in values.items():
            builder.leaf(number, row)
        tree = builder.tree()
        roots = _roots(keys, place, tree)
        _check_reached(tree, roots, len(keys))
    except MALFORMED as error:
        raise corrupted(
            node.name, f"its attributes do not describe trees: {type(error).__name__} {error}"
        ) from error
    found = ensemble_of([tree], features, _base(node, outputs), node.name, roots)
    # The base values are not averaged.
    return _averaged(found) if aggregate == "AVERAGE" else found


def _averaged(trees: Ensemble) -> Ensemble:
    return replace(trees, leaves=trees.leaves / max(trees.n_trees, 1))


def _list(node: NodeContext, name: str) -> Sequence[Any]:
    """A list attribute; a tensor of doubles takes its place where there is one."""
    tensor = node.attribute(f"{name}_as_tensor", None)
    found = tensor if tensor is not None else node.attribute(name, ())
    return list(found.tolist() if isinstance(found, np.ndarray) else found)


def _kind(node: NodeContext) -> Any:
    """The type in which x is compared: float unless thresholds are doubles."""
    tensor = node.attribute("nodes_values_as_tensor", None)
    return np.float64 if isinstance(tensor, np.ndarray) and tensor.dtype == np.float64 else np.float32


def _write_nodes(
    node: NodeContext,
    features: int,
    builder: TreeBuilder,
    keys: Sequence[tuple[int, int]],
    place: Mapping[tuple[int, int], int],
) -> None:
    modes = [m.decode() if isinstance(m, bytes) else str(m) for m in _list(node, "nodes_modes")]
    missing = _list(node, "nodes_missing_value_tracks_true") or [0] * len(keys)
    columns = zip(
        keys,
        modes,
        _list(node, "nodes_featureids"),
        _list(node, "nodes_values"),
        _list(node, "nodes_truenodeids"),
        _list(node, "nodes_falsenodeids"),
        missing,
        strict=True,
    )
    writer = _Nodes(node, features, builder.outputs, _kind(node))
    for (tree, number), mode, feature, value, yes, no, nan in columns:
        if mode != "LEAF":
            branches = place[tree, int(yes)], place[tree, int(no)]
            writer.comparison(
                builder, place[tree, number], mode, int(feature), float(value), *branches, bool(nan)
            )


def _leaf_values(
    node: NodeContext, prefix: str, outputs: int, place: Mapping[tuple[int, int], int]
) -> dict[int, list[float]]:
    """Values of each leaf, by node; several entries of one column add up."""
    found: dict[int, list[float]] = {}
    columns = (_list(node, f"{prefix}_{name}") for name in ("treeids", "nodeids", "ids", "weights"))
    for tree, number, column, weight in zip(*columns, strict=True):
        row = found.setdefault(place[int(tree), int(number)], [0.0] * outputs)
        if not 0 <= int(column) < outputs:
            raise ValueError(f"a leaf of result {column} of {outputs}")
        row[int(column)] += float(weight)
    return found


def _roots(keys: Sequence[tuple[int, int]], place: Mapping[tuple[int, int], int], tree: Tree) -> list[int]:
    """The first node of each tree, which must be one that no other leads to."""
    below = {int(child) for child in (*tree.left[tree.left >= 0], *tree.right[tree.left >= 0])}
    roots: dict[int, int] = {}
    for key in keys:
        if place[key] not in below and roots.setdefault(key[0], place[key]) != place[key]:
            raise ValueError(f"tree {key[0]} has two roots")
    if set(roots) != {key[0] for key in keys}:
        raise ValueError("a tree has no root")
    return [roots[tree_id] for tree_id in dict.fromkeys(key[0] for key in keys)]


def _check_reached(tree: Tree, roots: Sequence[int], count: int) -> None:
    """Every node belongs to a tree; one of a circle without a way in does not."""
    pending, reached = list(roots), set[int]()
    while pending:
        node = pending.pop()
        if node not in reached:
            reached.add(node)
            pending += [int(side[node]) for side in (tree.left, tree.right) if tree.left[node] >= 0]
    if len(reached) < count:
        raise ValueError("nodes that no root leads to")


def _base(node: NodeContext, outputs: int) -> Reals:
    values = np.asarray(_list(node, "base_values"), dtype=np.float64)
    if len(values) in (0, outputs):
        return values if len(values) else np.zeros(outputs)
    # ONNX Runtime adds base values only where there is one for each result.
    return np.zeros(outputs)


# -- the operators -----------------------------------------------------------------------------------


def classifier(node: NodeContext) -> Results:
    """TreeEnsembleClassifier: the class's label, and scores after the post transform.

    With two labels and leaves of the first class only, these are scores of the second. It is the label where
    its score is above one half if no leaf is negative, and above zero otherwise; as ONNX Runtime has it.
    """
    labels = _labels(node)
    transform = _transform(node)
    node.importer.integers.update(node.node.output[:1])
    columns = {int(c) for c in _list(node, "class_ids")}
    if len(labels) == 2 and columns == {0}:
        return _binary(node, transform)
    trees = _ensemble(node, "class", len(labels))
    scores = compared = node.importer.add(ensemble_op(node.operand(0), trees, node.name))
    if len(labels) == 2 and columns == {1} and _threshold(node):
        shifted = replace(trees, base=trees.base + np.array([_threshold(node), 0.0]))
        compared = node.importer.add(ensemble_op(node.operand(0), shifted, node.name))
    writer = _writer(node)
    return [writer.step(compared, "argmax"), _transformed(writer, scores, transform)]


def _threshold(node: NodeContext) -> float:
    """What the score of the second of two classes must pass."""
    return 0.0 if np.any(np.asarray(_list(node, "class_weights")) < 0) else 0.5


def _binary(node: NodeContext, transform: str) -> Results:
    trees = _ensemble(node, "class", 1)
    threshold = _threshold(node)
    writer = _writer(node)
    scores = node.importer.add(ensemble_op(node.operand(0), two_columns(trees, threshold), node.name))
    label = writer.step(scores, "argmax")
    if transform == "LOGISTIC":
        # The softmax of zero and s is the logistic function of -s and of s.
        if threshold:
            scores = node.importer.add(ensemble_op(node.operand(0), two_columns(trees), node.name))
        return [label, writer.step(scores, "softmax")]
    if transform != "NONE":
        raise unsupported(f"post_transform {transform} of a binary score", node.name, "NONE, LOGISTIC")
    score = node.importer.add(ensemble_op(node.operand(0), trees, node.name))
    return [label, writer.step(score, "complement" if threshold else "opposite")]


def regressor(node: NodeContext) -> Results:
    """TreeEnsembleRegressor: sums or means of leaves, after the post transform."""
    trees = _ensemble(node, "target", int(node.attribute("n_targets", 1)))
    scores = node.importer.add(ensemble_op(node.operand(0), trees, node.name))
    return [_transformed(_writer(node), scores, _transform(node))]


def _writer(node: NodeContext) -> Writer:
    return Writer(node.importer.function.body.block.add_op, f"{node.name}_")


def _labels(node: NodeContext) -> Sequence[int]:
    """Labels, which must be the numbers of the classes.

    Raises:
        CompileError: NL104 for other labels.
    """
    texts, numbers = _list(node, "classlabels_strings"), _list(node, "classlabels_int64s")
    if texts or numbers != list(range(len(numbers))):
        raise node.refuse(
            f"classes have the labels {(texts or numbers)[:4]}", "labels 0, 1, 2, ...", "number the classes"
        )
    return numbers


def _transform(node: NodeContext) -> str:
    """The post transform by name.

    Raises:
        CompileError: NL122 for one that has no exact form.
    """
    found = node.attribute("post_transform", "NONE")
    name = TRANSFORMS[found] if isinstance(found, int) and 0 <= found < len(TRANSFORMS) else str(found)
    if name not in STEPS:
        raise unsupported(f"post_transform {name}", node.name, ", ".join(STEPS))
    return name


def _transformed(writer: Writer, scores: SSAValue, transform: str) -> SSAValue:
    return writer.step(scores, STEPS[transform]) if STEPS[transform] else scores


TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
STEPS = {"NONE": "", "SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


def tree_ensemble(node: NodeContext) -> Results:
    """TreeEnsemble of ai.onnx.ml 5.

    Raises:
        CompileError: NL122 for aggregates and transforms, NL124 for attributes that do not fit together.
    """
    number = int(node.attribute("aggregate_function", 1))
    aggregate = AGGREGATES[number] if 0 <= number < len(AGGREGATES) else str(number)
    if aggregate not in ("SUM", "AVERAGE"):
        raise unsupported(f"aggregate_function {aggregate}", node.name, "SUM, AVERAGE")
    outputs, features = int(node.attribute("n_targets", 1)), node.shape()[-1]
    try:
        builder, roots = _modern_nodes(node, features, outputs)
        trees = ensemble_of([builder.tree()], features, np.zeros(outputs), node.name, roots)
    except MALFORMED as error:
        raise corrupted(
            node.name, f"its attributes do not describe trees: {type(error).__name__} {error}"
        ) from error
    if aggregate == "AVERAGE":
        trees = _averaged(trees)
    scores = node.importer.add(ensemble_op(node.operand(0), trees, node.name))
    return [_transformed(_writer(node), scores, _transform(node))]


def _modern_nodes(node: NodeContext, features: int, outputs: int) -> tuple[TreeBuilder, list[int]]:
    """Comparing nodes first, then the leaves."""
    splits = np.asarray(_list(node, "nodes_splits"), dtype=np.float64)
    tensor = node.attribute("nodes_splits", None)
    kind = np.float64 if isinstance(tensor, np.ndarray) and tensor.dtype == np.float64 else np.float32
    count, builder = len(splits), TreeBuilder(outputs)
    weights, targets = _list(node, "leaf_weights"), _list(node, "leaf_targetids")
    for _ in range(count + len(weights)):
        builder.reserve()
    for number, (target, weight) in enumerate(zip(targets, weights, strict=True)):
        row = [0.0] * outputs
        row[int(target)] = float(weight)
        builder.leaf(count + number, row)
    writer, members = _Nodes(node, features, outputs, kind), _member_sets(_members(node))
    missing = _list(node, "nodes_missing_value_tracks_true") or [0] * count
    columns = zip(_list(node, "nodes_modes"), _list(node, "nodes_featureids"), splits, missing, strict=True)
    branches = [_branches(node, side, count) for side in ("true", "false")]
    for place, (mode, feature, value, nan) in enumerate(columns):
        yes, no = branches[0][place], branches[1][place]
        if MODES[int(mode)] == "BRANCH_MEMBER":
            inside = [writer.equal(member) for member in sorted(set(next(members)))]
            builder.members(place, int(feature), inside, yes, no, bool(nan))
        else:
            writer.comparison(
                builder, place, MODES[int(mode)], int(feature), float(value), yes, no, bool(nan)
            )
    return builder, [int(root) for root in _list(node, "tree_roots")]


def _branches(node: NodeContext, side: str, count: int) -> list[int]:
    """Where a side of each node leads: the leaves stand behind the nodes."""
    columns = zip(_list(node, f"nodes_{side}nodeids"), _list(node, f"nodes_{side}leafs"), strict=True)
    return [int(number) + (count if leaf else 0) for number, leaf in columns]


def _members(node: NodeContext) -> list[float]:
    """The tensor of sets, whose NaN mean something."""
    found = [a.t for a in node.node.attribute if a.name == "membership_values"]
    return [float(value) for tensor in found for value in numpy_helper.to_array(tensor)]


def _member_sets(values: Sequence[float]) -> Iterator[list[float]]:
    """Sets that end in a NaN each."""
    found: list[float] = []
    for value in values:
        if np.isnan(value):
            yield found
            found = []
        else:
            found.append(float(value))


def scaler(node: NodeContext) -> Results:
    """Scaler: (x - offset) * scale."""
    x = node.operand(0)
    columns = shape_of(x.type)[-1:]
    offset, scale = (
        np.asarray(node.attribute(name, [default]), dtype=np.float32)
        for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    for name, values in (("offset", offset), ("scale", scale)):
        if values.shape not in ((1,), columns):
            raise node.refuse(f"{name} has {values.size} elements", f"1 or {columns}")
    centred = node.emit(SubOp, [x, node.emit_constant(offset)])
    return [node.emit(MulOp, [centred, node.emit_constant(scale)])]


def zip_map(node: NodeContext) -> Results:
    """ZipMap: a dictionary by class on the host, which here stays a tensor."""
    return [node.operand(0)]


def _names(prefix: str, names: str) -> frozenset[str]:
    return frozenset(f"{prefix}{name}" for name in names.split())


NODES = _names(
    "nodes_", "treeids nodeids featureids hitrates hitrates_as_tensor modes values values_as_tensor"
)
BRANCHES = _names("nodes_", "truenodeids falsenodeids missing_value_tracks_true")
COMMON = frozenset({"base_values", "base_values_as_tensor", "post_transform", "aggregate_function"})
OLDER = NODES | BRANCHES | COMMON
LEAVES = "treeids nodeids ids weights weights_as_tensor"
LABELS = frozenset({"classlabels_int64s", "classlabels_strings"})
MODERN = (
    _names("nodes_", "falseleafs falsenodeids featureids hitrates missing_value_tracks_true modes splits")
    | _names("nodes_", "trueleafs truenodeids")
    | _names("leaf_", "targetids weights")
    | {"aggregate_function", "membership_values", "n_targets", "post_transform", "tree_roots"}
)

CONVERTERS: dict[str, Converter] = {
    "TreeEnsembleClassifier": Converter(classifier, OLDER | _names("class_", LEAVES) | LABELS, (DOMAIN,)),
    "TreeEnsembleRegressor": Converter(
        regressor, OLDER | _names("target_", LEAVES) | {"n_targets"}, (DOMAIN,)
    ),
    "TreeEnsemble": Converter(tree_ensemble, MODERN, (DOMAIN,)),
    "Scaler": Converter(scaler, frozenset({"offset", "scale"}), (DOMAIN,)),
    "ZipMap": Converter(zip_map, LABELS, (DOMAIN,)),
}
