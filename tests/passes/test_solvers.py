"""Solvers give networks that compute their matrix, keep the depth limit and need few adders."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from netloom.core.adder_graph import AdderGraph
from netloom.core.diagnostics import CompileError
from netloom.passes.solvers import (
    AlkaidSolver,
    BestSolver,
    ConstantMatrixSolver,
    Da4mlSolver,
    MatrixProblem,
    SharingSolver,
    sharing,
    solve_sharing,
)
from netloom.passes.solvers.csd import csd_counts, csd_digits, csd_masks, trailing_zeros
from netloom.passes.solvers.digit_choice import chosen_digits, shortest_forms
from netloom.passes.solvers.digit_system import difference_system, direct_system, tree_depth
from netloom.passes.solvers.elimination import Rerun, Setting, eliminate
from netloom.passes.solvers.polarity import without_negations
from netloom.passes.solvers.sharing import SolverError, graph_cost
from netloom.passes.solvers.trees import rebuilt_trees

IntArray = NDArray[np.int64]
BASELINES = Path(__file__).parents[1] / "data" / "matrices"
FIELDS = ("lhs", "rhs", "lhs_shift", "rhs_shift", "subtract", "out_node", "out_shift", "out_negate")

shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
magnitudes = st.sampled_from([1, 3, 16, 255, 2**20])
matrices = magnitudes.flatmap(lambda most: hnp.arrays(np.int64, shapes, elements=st.integers(-most, most)))


small_matrices = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.integers(-99, 99)
)


def solved(matrix: IntArray, **options: Any) -> AdderGraph:
    k = matrix.shape[0]
    return solve_sharing(matrix, np.full(k, -128), np.full(k, 127), **options)


def cost(graph: AdderGraph) -> int:
    return graph_cost(graph, np.full(graph.n_inputs, -128), np.full(graph.n_inputs, 127))


def minimal_depth(column: list[int], arrival: list[int]) -> int:
    """Least depth of the tree that sums a column's digits: always join the two that are there first."""
    ready = sorted(
        depth for value, depth in zip(column, arrival, strict=True) for _ in range(naf_digits(value))
    )
    while len(ready) > 1:
        ready = sorted([*ready[2:], 1 + ready[1]])
    return ready[0] if ready else 0


def naf_digits(value: int) -> int:
    """Number of non-zero digits of the non-adjacent form, by its defining recurrence."""
    count, value = 0, abs(value)
    while value:
        if value & 1:
            count += 1
            value -= 2 - (value & 3)
        value >>= 1
    return count


def output_depths(graph: AdderGraph, arrival: IntArray) -> list[int]:
    depth = graph.depths(arrival)
    return [int(depth[node]) if node >= 0 else 0 for node in graph.out_node]


@given(matrices, st.sampled_from([None, 0, 1, 4]))
def test_network_computes_the_matrix(matrix: IntArray, slack: int | None) -> None:
    graph = solved(matrix, depth_slack=slack)
    assert np.array_equal(graph.matrix(), matrix)
    x = np.random.default_rng(0).integers(-128, 128, (5, matrix.shape[0]))
    assert np.array_equal(graph.evaluate(x), x @ matrix)


@given(matrices, st.sampled_from([0, 1, 3]), st.data())
def test_no_output_is_deeper_than_its_digits_require_and_the_slack(
    matrix: IntArray, slack: int, data: st.DataObject
) -> None:
    k = matrix.shape[0]
    arrival = data.draw(st.lists(st.integers(0, 6), min_size=k, max_size=k))
    graph = solved(matrix, depth_slack=slack, input_depth=np.array(arrival))
    depths = output_depths(graph, np.array(arrival))
    for depth, column in zip(depths, matrix.T.tolist(), strict=True):
        assert depth <= minimal_depth(column, arrival) + slack


def test_depth_limit_holds_when_arrivals_span_more_levels_than_a_word_has_bits() -> None:
    matrix = np.random.default_rng(2).integers(-99, 100, (6, 9))
    arrival = np.array([0, 1, 30, 70, 70, 100])
    graph = solved(matrix, depth_slack=0, input_depth=arrival)
    minimal = [minimal_depth(column, arrival.tolist()) for column in matrix.T.tolist()]
    assert output_depths(graph, arrival) == minimal


@given(matrices)
def test_never_more_adders_than_without_sharing(matrix: IntArray) -> None:
    alone = sum(max(0, sum(naf_digits(v) for v in column) - 1) for column in matrix.T.tolist())
    assert solved(matrix).n_adders <= alone


@settings(max_examples=20)
@given(matrices)
def test_result_is_deterministic(matrix: IntArray) -> None:
    first, second = solved(matrix), solved(matrix.copy())
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in FIELDS)


@settings(max_examples=50)
@given(matrices, st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_shifted_negated_repeated_and_zero_columns_cost_nothing(matrix: IntArray, shifts: list[int]) -> None:
    derived = [matrix << shifts[0], -matrix << shifts[1], matrix, np.zeros_like(matrix), matrix << shifts[2]]
    everything = np.concatenate(derived, axis=1)
    graph = solved(everything)
    assert np.array_equal(graph.matrix(), everything)
    assert graph.n_adders == solved(matrix).n_adders


@pytest.mark.parametrize(
    ("matrix", "n_adders"),
    [
        ([[0]], 0),
        ([[1]], 0),
        ([[-64]], 0),
        ([[3]], 1),
        ([[-7]], 1),
        ([[45]], 2),  # 5 * 9
        ([[1, 2, 4], [8, 16, 32]], 1),
        ([[1], [1], [1], [1]], 3),
        ([[3, 5, 3 * 64, -5]], 2),
        ([[1, 1], [1, 1], [1, 0], [0, 1]], 3),
    ],
)
def test_small_cases_are_optimal(matrix: list[list[int]], n_adders: int) -> None:
    assert solved(np.array(matrix)).n_adders == n_adders


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_matrices_are_solved(shape: tuple[int, int]) -> None:
    graph = solved(np.zeros(shape, dtype=np.int64), depth_slack=0)
    assert (graph.n_adders, graph.matrix().shape) == (0, shape)


@pytest.mark.parametrize("column", [[-3, -5], [-1, 1], [-7, -1], [-1, 1, -1], [-4, -4, 2]])
def test_column_with_a_positive_digit_is_built_without_negation(column: list[int]) -> None:
    graph = solved(np.array(column)[:, None])
    assert not graph.out_negate.any()


@given(matrices, st.data())
def test_turning_subtractions_keeps_the_function_and_drops_negations(
    matrix: IntArray, data: st.DataObject
) -> None:
    n = matrix.shape[1]
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    graph = replace(solved(matrix), out_negate=wanted)
    turned = without_negations(graph)
    assert np.array_equal(turned.matrix(), graph.matrix())
    assert np.array_equal(turned.depths(), graph.depths())
    assert turned.out_negate.sum() <= wanted.sum()


def chained(second_output: bool) -> AdderGraph:
    """n = a - b, m = n + c; outputs -m and, if asked for, n."""
    outputs = [4, 3] if second_output else [4]
    return AdderGraph(
        n_inputs=3,
        lhs=np.array([0, 3]),
        rhs=np.array([1, 2]),
        lhs_shift=np.array([0, 0]),
        rhs_shift=np.array([0, 0]),
        subtract=np.array([True, False]),
        out_node=np.array(outputs),
        out_shift=np.zeros(len(outputs), dtype=np.int64),
        out_negate=np.array([True, False][: len(outputs)]),
    )


def test_negation_moves_down_a_chain_into_a_subtraction() -> None:
    turned = without_negations(chained(second_output=False))
    assert turned.matrix().T.tolist() == [[-1, 1, -1]]
    assert not turned.out_negate.any()  # m' = (b - a) - c


def test_negation_stays_where_another_output_would_get_it() -> None:
    assert without_negations(chained(second_output=True)).out_negate.tolist() == [True, False]


def test_sum_of_negative_powers_is_negated_at_the_output() -> None:
    graph = solved(np.array([[-1], [-4]]))
    assert (graph.n_adders, graph.out_negate.tolist()) == (1, [True])


def test_wide_entries_up_to_the_limit_are_exact() -> None:
    matrix = np.array([[2**60 - 1, -(2**59) - 12345], [1 - 2**60, 0x123456789ABCDEF]])
    assert np.array_equal(solved(matrix).matrix(), matrix)


@pytest.mark.parametrize("entry", [2**60, -(2**60), 2**63 - 1, -(2**63)])
def test_wider_entries_are_refused(entry: int) -> None:
    with pytest.raises(OverflowError, match=r"^matrix entries of 2\*\*60 and more have no canonical signed"):
        solved(np.array([[entry]], dtype=np.int64))


def test_wrong_arguments_are_refused() -> None:
    one = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match=r"^lo must have shape \(2,\), found \(1,\)$"):
        solve_sharing(np.ones((2, 2), dtype=np.int64), one, np.zeros(2, dtype=np.int64))
    with pytest.raises(
        ValueError, match=r"^matrix must be a signed integer array \[K, N\], found float64\(1, 1\)$"
    ):
        solve_sharing(np.ones((1, 1)), one, one)  # type: ignore[arg-type]


def test_large_matrix_is_split_into_blocks_within_the_depth_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(3).integers(-100, 101, (24, 10))
    monkeypatch.setattr(sharing, "_LARGE", 0)
    monkeypatch.setattr(sharing, "_PASS_WORK", 5000)
    for slack in (0, 1, None):
        graph = solved(matrix, depth_slack=slack)
        assert np.array_equal(graph.matrix(), matrix)
        if slack is not None:
            minimal = [minimal_depth(column, [0] * 24) for column in matrix.T.tolist()]
            assert all(
                d <= m + slack
                for d, m in zip(output_depths(graph, np.zeros(24, np.int64)), minimal, strict=True)
            )


@given(matrices, st.integers(1, 4), st.sampled_from([None, 0, 2]))
def test_column_differences_add_up_to_the_matrix(matrix: IntArray, max_path: int, slack: int | None) -> None:
    k, n = matrix.shape
    flat = np.zeros(k, dtype=np.int64)
    limit = None if slack is None else tree_depth(csd_counts(matrix), flat) + slack
    system = difference_system(matrix, flat + 8, flat, limit, max_path)
    own, parents = np.zeros((k, n), dtype=np.int64), np.zeros((n, n), dtype=np.int64)
    for row, column, shift, sign in system.digits.T.tolist():
        value = -(1 << shift) if sign else 1 << shift
        if row < k:
            own[row, column] += value
        else:
            parents[system.column_rows[row - k], column] += value
    # M = D + M P, so M = D (1 + P + P^2 + ...), and no path is longer than max_path.
    total, step = own.copy(), own
    for _ in range(max_path):
        step = step @ parents
        total += step
    assert np.array_equal(total, matrix)


def test_columns_that_differ_little_are_built_from_each_other() -> None:
    # Carries hide from digit patterns what numbers share: 1023 is 1024 - 1, 1025 is 1024 + 1.
    base = np.random.default_rng(4).integers(2**18, 2**19, (8, 1))
    matrix = base + np.arange(8)
    alone, together = solved(base).n_adders, solved(matrix).n_adders
    assert together <= alone + 7 + solved(np.ones((8, 1), dtype=np.int64)).n_adders


@settings(max_examples=8)
@given(small_matrices, st.sampled_from([None, 0, 1]))
def test_effort_never_costs_hardware(matrix: IntArray, slack: int | None) -> None:
    """The search is exact and deterministic too, and what it finds is never dearer."""
    quick, thorough = (solved(matrix, effort=effort, depth_slack=slack) for effort in (0.0, 1.0))
    assert cost(thorough) <= cost(quick)
    assert np.array_equal(thorough.matrix(), matrix)
    again = solved(matrix, effort=1.0, depth_slack=slack)
    assert all(np.array_equal(getattr(again, name), getattr(thorough, name)) for name in FIELDS)


def test_search_finds_what_greedy_choices_miss() -> None:
    matrix = np.random.default_rng(5).integers(-128, 128, (8, 8))
    assert cost(solved(matrix, effort=1.0)) < 0.99 * cost(solved(matrix))


def test_rerun_of_a_history_repeats_it() -> None:
    matrix = np.random.default_rng(6).integers(-32, 32, (12, 12))
    system = direct_system(matrix, np.full(12, 8), np.zeros(12, np.int64), None)
    first = eliminate(system, Setting(4, 1, 12))
    same = Rerun(first.history, np.zeros(len(first.history), np.bool_), 0, 0)
    again = eliminate(system, Setting(4, 1, 12), same)
    assert np.array_equal(again.history, first.history)
    assert again.n_adders == first.n_adders
    nothing = Rerun(first.history, np.ones(len(first.history), np.bool_), 0, 0)
    assert np.array_equal(eliminate(system, Setting(4, 1, 12), nothing).history, first.history)


@settings(max_examples=40)
@given(matrices, st.sampled_from([None, 0, 2]), st.data())
def test_rebuilt_trees_keep_function_adders_and_depth(
    matrix: IntArray, slack: int | None, data: st.DataObject
) -> None:
    k = matrix.shape[0]
    arrival = np.array(data.draw(st.lists(st.integers(0, 5), min_size=k, max_size=k)))
    low = np.array(data.draw(st.lists(st.integers(-200, 0), min_size=k, max_size=k)))
    high = low + np.array(data.draw(st.lists(st.integers(0, 300), min_size=k, max_size=k)))
    graph = solved(matrix, depth_slack=slack, input_depth=arrival)
    for tries in (0, 3):
        trees = rebuilt_trees(graph, low, high, input_depth=arrival, tries=tries)
        assert np.array_equal(trees.matrix(), matrix)
        assert trees.n_adders == graph.n_adders
        deepest = max(output_depths(graph, arrival), default=0)
        assert max(output_depths(trees, arrival), default=0) <= deepest


def test_trees_add_narrow_terms_first() -> None:
    # ((x0 + x1) + x2) + x3 with a wide x0: three wide adders, or one.
    wide_first = AdderGraph(
        n_inputs=4,
        lhs=np.array([0, 4, 5]),
        rhs=np.array([1, 2, 3]),
        lhs_shift=np.zeros(3, np.int64),
        rhs_shift=np.zeros(3, np.int64),
        subtract=np.zeros(3, np.bool_),
        out_node=np.array([6]),
        out_shift=np.zeros(1, np.int64),
        out_negate=np.zeros(1, np.bool_),
    )
    lo, hi = np.array([-(2**15), -8, -8, -8]), np.array([2**15 - 1, 7, 7, 7])
    assert wide_first.adder_tables(lo, hi) == 16 + 17 + 17
    assert rebuilt_trees(wide_first, lo, hi).adder_tables(lo, hi) == 4 + 5 + 16


def test_values_near_the_limit_leave_trees_alone() -> None:
    graph = solved(np.array([[1], [1]]))
    assert rebuilt_trees(graph, np.array([-(2**60), 0]), np.array([0, 2**60])) is graph


@given(st.integers(-(2**20), 2**20))
def test_shortest_forms_are_the_number_with_as_few_digits(number: int) -> None:
    forms = shortest_forms(number)
    assert len(set(forms)) == len(forms)
    for form in forms:
        assert sum(digit << shift for shift, digit in form) == number
        assert len(form) == naf_digits(number)


def test_three_has_two_shortest_forms() -> None:
    assert sorted(shortest_forms(3)) == [((0, -1), (2, 1)), ((0, 1), (1, 1))]


@given(matrices, st.sampled_from([2, 4]))
def test_chosen_digits_are_the_matrix(matrix: IntArray, power: int) -> None:
    row, column, shift, sign = chosen_digits(matrix, power)
    rebuilt = np.zeros_like(matrix)
    np.add.at(rebuilt, (row, column), np.where(sign == 1, -1, 1) << shift)
    assert np.array_equal(rebuilt, matrix)
    assert len(row) == csd_counts(matrix).sum()


def test_wrong_network_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoiled(graph: AdderGraph) -> AdderGraph:
        return replace(graph, out_shift=graph.out_shift + 1)

    monkeypatch.setattr(sharing, "without_negations", spoiled)
    with pytest.raises(SolverError, match=r"^the network does not compute the matrix that it was made for$"):
        solved(np.array([[3]]))


@given(hnp.arrays(np.int64, shapes, elements=st.integers(1 - 2**60, 2**60 - 1)))
def test_signed_digits_are_canonical(values: IntArray) -> None:
    positive, negative = csd_masks(values)
    used = positive | negative
    assert np.array_equal(positive - negative, values)
    assert not np.any(positive & negative)
    assert not np.any(used & (used << 1))
    assert csd_counts(values).tolist() == [[naf_digits(v) for v in row] for row in values.tolist()]
    rebuilt = np.zeros_like(values)
    row, column, shift, sign = csd_digits(values)
    np.add.at(rebuilt, (row, column), np.where(sign == 1, -1, 1) << shift)
    assert np.array_equal(rebuilt, values)


@given(st.integers(-(2**62), 2**62))
def test_trailing_zeros(value: int) -> None:
    expected = (value & -value).bit_length() - 1 if value else 0
    assert trailing_zeros(np.array([value])).tolist() == [expected]


@given(matrices, st.data())
def test_tree_depth_is_that_of_the_best_tree(matrix: IntArray, data: st.DataObject) -> None:
    k = matrix.shape[0]
    arrival = data.draw(st.lists(st.integers(0, 9), min_size=k, max_size=k))
    expected = [minimal_depth(column, arrival) for column in matrix.T.tolist()]
    assert tree_depth(csd_counts(matrix), np.array(arrival)).tolist() == expected


def test_default_solver_follows_the_protocol() -> None:
    solver: ConstantMatrixSolver = SharingSolver()
    matrix = np.array([[3, 5], [7, 0]])
    arrival = np.array([0, 2])
    problem = MatrixProblem(matrix, np.array([-8, 0]), np.array([7, 15]), arrival, depth_slack=0)
    graph = solver.solve(problem)
    assert solver.name == "sharing"
    assert np.array_equal(graph.matrix(), matrix)
    assert output_depths(graph, arrival) == [math.ceil(math.log2(2 * 1 + 2 * 4)), 1]


def fake_peer(monkeypatch: pytest.MonkeyPatch, module: str, function: str, stages: Any) -> None:
    """A package that answers every matrix with these stages."""
    package = ModuleType(module)
    setattr(package, function, lambda *_, **__: stages)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], ModuleType(module.partition(".")[0]))
    monkeypatch.setitem(sys.modules, module, package)


def as_peers_say_it(old: bool) -> list[SimpleNamespace]:
    """y0 = x0 - 2 x1, y1 = 3 x1 - x0 in two stages, the second one of which adds x1 once more."""

    def op(code: int, first: int, second: int, shift: int) -> SimpleNamespace:
        if old:
            return SimpleNamespace(opcode=code, id0=first, id1=second, data=shift)
        return SimpleNamespace(opcode=code, addr=(first, second), data=(first if code < 0 else shift,))

    ops = [op(-1, 0, -1, 0), op(-1, 1, -1, 0), op(1, 0, 1, 1)]
    first = SimpleNamespace(
        inp_shifts=[0, 0], ops=ops, out_idxs=[2, 1], out_shifts=[0, 0], out_negs=[False, False]
    )
    # A quarter of an input, four times: shifts below zero cancel.
    ops = [op(-1, 0, -1, 0), op(-1, 1, -1, 0), op(1, 0, 1, 0)]
    last = SimpleNamespace(
        inp_shifts=[-2, -2], ops=ops, out_idxs=[0, 2], out_shifts=[2, 2], out_negs=[False, True]
    )
    return [first, last]


TWO_BY_TWO = MatrixProblem(np.array([[1, -1], [-2, 3]]), np.full(2, -8), np.full(2, 7))


def test_answers_of_other_packages_become_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peer(monkeypatch, "da4ml.cmvm", "solve", SimpleNamespace(solutions=as_peers_say_it(old=True)))
    fake_peer(monkeypatch, "alkaid.cmvm", "cmvm_solve", as_peers_say_it(old=False))
    for solver in (Da4mlSolver(), AlkaidSolver()):
        graph = solver.solve(TWO_BY_TWO)
        assert np.array_equal(graph.matrix(), TWO_BY_TWO.matrix)
        assert graph.n_adders == 2


@pytest.mark.parametrize(("solver", "package"), [(Da4mlSolver(), "da4ml"), (AlkaidSolver(), "alkaid")])
def test_solver_without_its_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, solver: ConstantMatrixSolver, package: str
) -> None:
    monkeypatch.setitem(sys.modules, f"{package}.cmvm", None)
    with pytest.raises(CompileError, match="NL603") as caught:
        solver.solve(TWO_BY_TWO)
    assert f"netloom[{package}]" in str(caught.value)


def test_best_solver_is_never_dearer_than_any(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peer(monkeypatch, "da4ml.cmvm", "solve", SimpleNamespace(solutions=as_peers_say_it(old=True)))
    monkeypatch.setitem(sys.modules, "alkaid.cmvm", None)
    best = BestSolver().solve(TWO_BY_TWO)
    assert np.array_equal(best.matrix(), TWO_BY_TWO.matrix)
    ends = TWO_BY_TWO.lo, TWO_BY_TWO.hi
    for solver in (SharingSolver(), Da4mlSolver()):
        assert graph_cost(best, *ends) <= graph_cost(solver.solve(TWO_BY_TWO), *ends)


def test_best_solver_ignores_wrong_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peer(monkeypatch, "da4ml.cmvm", "solve", SimpleNamespace(solutions=as_peers_say_it(old=True)))
    monkeypatch.setitem(sys.modules, "alkaid.cmvm", None)
    problem = replace(TWO_BY_TWO, matrix=np.array([[97, 55], [23, -45]]))
    assert np.array_equal(BestSolver().solve(problem).matrix(), problem.matrix)


NAMES = ("jet_W0", "jet_W1", "jet_W2", "jet_W3", "rand_64x64_4b", "rand_64x64_6b", "rand_64x64_8b")
QUICK = NAMES[:5]


def recorded(name: str) -> tuple[IntArray, dict[str, Any]]:
    """A baseline matrix; its inputs, and what da4ml 0.6.0 and Alkaid 0.8.2 made of it, by setting.

    The figures of `adder_tables.json` were counted by this package on the peers' networks.
    """
    figures = json.loads((BASELINES / "adder_tables.json").read_text())[name]
    if name.startswith("jet_"):
        return np.load(BASELINES / "jet_mlp_6b.npz")[f"{name[4:]}_int"].astype(np.int64), figures
    return np.load(BASELINES / f"{name}.npz")["K"].astype(np.int64), figures


@cache
def baseline_graph(name: str, slack: int) -> AdderGraph:
    """The network of a baseline matrix, with default effort."""
    matrix, figures = recorded(name)
    low, high = (np.full(matrix.shape[0], end) for end in figures["input"])
    return solve_sharing(matrix, low, high, depth_slack=slack)


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[5:])]
)
def test_no_more_adders_than_the_peer_at_its_least_depth(name: str) -> None:
    peer = recorded(name)[1]["da4ml_0.6.0"]["hard_dc=0,search_all=False"]
    graph = baseline_graph(name, 0)
    assert graph.n_adders <= peer["adders"]
    assert graph.depths().max() <= peer["depth"]


@pytest.mark.parametrize("names", [QUICK, pytest.param(NAMES, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("slack", "mean", "worst"), [(0, 0.93, 0.97), (1, 0.91, 0.96)])
def test_fewer_tables_and_bits_than_the_best_peer_at_any_depth(
    names: tuple[str, ...], slack: int, mean: float, worst: float
) -> None:
    ratios = []
    for name in names:
        figures = recorded(name)[1]
        peers = [peer for tool in ("da4ml_0.6.0", "alkaid_0.8.2") for peer in figures[tool].values()]
        graph = baseline_graph(name, slack)
        ends = [np.full(graph.n_inputs, end) for end in figures["input"]]
        tables, bits = graph.adder_logic(ends[0], ends[1])
        assert bits <= 0.99 * min(peer["bits"] for peer in peers)
        least = min(peers, key=lambda peer: (peer["tables"], peer["depth"]))
        assert graph.depths().max() <= least["depth"]
        ratios.append(tables / least["tables"])
    assert max(ratios) <= worst
    assert math.exp(np.mean(np.log(ratios))) <= mean
