"""The typed graph IR: dialects `fx` (numbers), `nn` (networks) and `da` (unrolled arithmetic)."""
