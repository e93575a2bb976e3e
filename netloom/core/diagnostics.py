"""Diagnostics: every refusal is a `CompileError` with a stable code.

A message answers four questions: what was found, where, what is supported and what to do.
The codes are data (`CODES`); the reference page in the documentation is generated from them.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CODES: Mapping[str, str] = {
    "NL101": "The model file cannot be found or read.",
    "NL102": "The file is not a valid ONNX model, or is truncated.",
    "NL103": "The operator is not supported.",
    "NL104": "An attribute of an operator has a value that is not supported.",
    "NL105": "A tensor has a dynamic or unknown shape.",
    "NL106": "The graph is cyclic, or uses a tensor that nothing produces.",
    "NL107": "A weight or constant is NaN or infinite.",
    "NL108": "A tensor has an element type that is not supported.",
    "NL109": "An operand must be a constant and is not.",
    "NL110": "Shapes of operands do not fit together.",
    "NL111": "The model is not of a kind that any frontend reads.",
    "NL112": "The text of an IR module cannot be parsed, or its data is missing.",
    "NL121": "The tree model is not fitted.",
    "NL122": "The kind, objective or link of the tree model is not supported.",
    "NL123": "A split of the trees is of a kind that is not supported.",
    "NL124": "The file or object does not hold a valid tree model.",
    "NL201": "Unknown option or configuration key.",
    "NL202": "A layer name or pattern in the configuration matches nothing.",
    "NL203": "An option has a value that is not allowed.",
    "NL204": "Unknown backend.",
    "NL205": "Unknown pass, or a pipeline that cannot be parsed.",
    "NL206": "Unknown device.",
    "NL207": "A reuse factor or a number of pixels or channels does not divide a layer, and `strict` is set.",
    "NL208": "An entry of a configuration for another tool has no counterpart.",
    "NL301": "The model has real-valued layers and no precision was chosen.",
    "NL302": "The network's input has no quantizer and no input precision was chosen.",
    "NL303": "A value needs more bits than the exact arithmetic holds.",
    "NL304": "A lookup table would have too many entries.",
    "NL305": "A quantizer would need too many thresholds.",
    "NL306": "A quantizer cannot be expressed in hardware without changing its meaning.",
    "NL307": "A scale cannot be merged with its neighbours exactly.",
    "NL308": "The operation is not legal for the backend.",
    "NL309": "A streaming design stops: nothing in it can move any more.",
    "NL401": "An input array has the wrong shape.",
    "NL402": "An input name is unknown or missing.",
    "NL403": "An input array has NaN, infinite or non-numeric values.",
    "NL501": "The output directory cannot be written.",
    "NL502": "The output directory holds files that are not a netloom project.",
    "NL601": "A tool was not found.",
    "NL602": "A tool failed.",
    "NL603": "An optional Python package was not found.",
    "NL604": "The headers of a vendor's number types were not found.",
    "NL605": "A report of a vendor's tool cannot be read.",
    "NL606": "The design has a construct that the open tools cannot synthesize.",
    "NL607": "The design does not fit the device.",
    "NL608": "A synthesized netlist computes something else than the design.",
    "NL609": "The design is too large for a formal proof.",
    "NL610": "The trees do not fit the memories of the design.",
    "NL701": "A pass left the IR in an invalid state.",
    "NL702": "A pass changed the meaning of the program.",
    "NL703": "A pass failed with an error of its own.",
    "NL801": "A plugin could not be loaded.",
    "NL802": "Two plugins provide the same name.",
    "NL803": "A plugin provides something that is not what the hook asks for.",
}


class CompileError(Exception):
    """A refusal: stable `code`, the `origin` (node name), what was found, what is supported, what to do.

    Args:
        code: one of `CODES`.
        found: what was found, one sentence.
        origin: name of the source node, layer, option or file that it is about.
        supported: what is supported instead.
        hint: what the user can do.
    """

    def __init__(
        self, code: str, found: str, *, origin: str = "", supported: str = "", hint: str = ""
    ) -> None:
        if code not in CODES:
            raise KeyError(f"undeclared diagnostic code {code}")
        self.code = code
        self.found = found
        self.origin = origin
        self.supported = supported
        self.hint = hint
        super().__init__(self.render())

    def render(self) -> str:
        """The message as shown to the user, one line per part."""
        where = f" at '{self.origin}'" if self.origin else ""
        lines = [f"[{self.code}]{where}: {self.found}"]
        if self.supported:
            lines.append(f"  supported: {self.supported}")
        if self.hint:
            lines.append(f"  to do: {self.hint}")
        return "\n".join(lines)

    def in_file(self, file: str) -> CompileError:
        """The same error with the model file named in front of the origin."""
        origin = f"{file}: {self.origin}" if self.origin else file
        return CompileError(self.code, self.found, origin=origin, supported=self.supported, hint=self.hint)


class NetloomWarning(UserWarning):
    """Something worth knowing that does not change the meaning of what was asked for."""


@dataclass(frozen=True)
class Note:
    """A remark of a pass for the report: what was chosen, where, and its stated error."""

    origin: str
    text: str


def warn(message: str) -> None:
    """Issue a `NetloomWarning`."""
    warnings.warn(message, NetloomWarning, stacklevel=3)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A spelling suggestion for `name` among `known`, or an empty string."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""
