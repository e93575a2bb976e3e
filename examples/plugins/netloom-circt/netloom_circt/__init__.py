"""SystemVerilog from netloom through CIRCT: an outside backend for netloom."""
