"""Streaming designs: actors of `lib/`, stages of layers, and FIFOs between them."""
