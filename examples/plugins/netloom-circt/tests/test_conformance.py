"""netloom's conformance kit on this backend: the battery of ops, strategies, models and refusals."""

from netloom.testing import BackendConformance
from netloom.testing.battery import TOPICS
from netloom.testing.cases import one_of


class TestSystemVerilog(BackendConformance):
    backend = "systemverilog"
    strategies = ("adder_graph", "latency", "auto")
    unsupported_ops = frozenset({"da.lut_network", "tree.ensemble"})
    every = 3  # a third of the cases; NETLOOM_CONFORMANCE_EVERY=1 runs all of them


def test_a_third_of_the_battery_has_every_op_and_every_pair_of_rounding_and_overflow() -> None:
    every = TestSystemVerilog.every
    for cases in (topic() for topic in TOPICS.values()):
        assert {case.op for case in one_of(cases, every)} == {case.op for case in cases}
    pairs = {tuple(case.name.split(",")[-2:]) for case in one_of(TOPICS["casts"](), every)}
    assert len(pairs) == 7 * 4
