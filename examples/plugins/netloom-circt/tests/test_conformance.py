"""netloom's conformance kit on this backend: the whole battery of ops, strategies, models and refusals."""

from netloom.testing import BackendConformance


class TestSystemVerilog(BackendConformance):
    backend = "systemverilog"
    strategies = ("adder_graph", "latency")
