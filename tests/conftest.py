"""Settings of every test run."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.shared import FLOAT, QUANTIZED, available

# No deadline: the machine may be busy with a simulator. In CI the same examples are drawn every time,
# so that a red run means a change; elsewhere new examples keep searching.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_report_header() -> str:
    """How many of the models are on this machine."""
    models = [*QUANTIZED, *FLOAT]
    return f"models: {len(available(models))} of {len(models)} found (others are in ../shared)"
