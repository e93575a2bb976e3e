"""Backends `vivado` (Vivado HLS) and `vitis` (Vitis HLS)."""
