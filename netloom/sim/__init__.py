"""Simulators: each runs what was emitted, or what it means, and returns exact mantissas."""
