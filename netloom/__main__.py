"""`python -m netloom`: the command line."""

from __future__ import annotations

from netloom.cli.main import app

app(prog_name="netloom")
