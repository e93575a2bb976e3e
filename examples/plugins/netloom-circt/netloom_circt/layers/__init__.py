"""Layers: how each op becomes a hardware module."""
