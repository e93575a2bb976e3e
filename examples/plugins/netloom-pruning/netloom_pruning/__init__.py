"""Magnitude pruning: an outside pass for netloom."""
