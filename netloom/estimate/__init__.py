"""Estimates of what a design needs, before any vendor tool has run."""
