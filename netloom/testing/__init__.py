"""For authors of backends: a conformance kit for pytest, and small programs to test with."""

from netloom.testing.cases import Case, program_of
from netloom.testing.conformance import BackendConformance
from netloom.testing.program import Port, Program

__all__ = ["BackendConformance", "Case", "Port", "Program", "program_of"]
