"""Layers: how each op becomes an entity."""
