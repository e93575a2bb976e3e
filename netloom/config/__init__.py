"""Configurations of other tools, read as options of `netloom.compile`."""

from netloom.config.entries import Entry, FromHls4ml
from netloom.config.hls4ml import from_hls4ml

__all__ = ["Entry", "FromHls4ml", "from_hls4ml"]
