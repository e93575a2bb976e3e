"""Passes that ask the dataflow simulator."""
