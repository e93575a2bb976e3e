"""Passes over the IR, one a file; analyses and solvers in folders of their own."""
