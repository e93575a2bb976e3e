"""Streaming designs in C++: a function for each actor, and FIFOs between them."""
