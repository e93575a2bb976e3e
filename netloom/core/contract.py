"""What each hook asks for, as data; checked for every value that a plugin provides.

The protocols of backends, frontends and solvers stand in the layers above; here are the names that
they consist of, so that the registry can check values without importing any of those layers.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.passes import ModulePass

from netloom.core.device import Device
from netloom.core.options import KINDS as OPTION_TYPES
from netloom.core.options import CompileOptions, type_name
from netloom.core.tools import TOOLS, Tool

Wanted = Callable[[Any], str]
"""Says what a value should be instead, or nothing when it is that."""

OPTIONS_BASE = "netloom.backends.base.BackendOptions"


def text(value: Any) -> str:
    """A text that is not empty."""
    return "" if isinstance(value, str) and value.strip() else "a text"


def texts(value: Any) -> str:
    """A tuple of texts."""
    fits = isinstance(value, tuple) and value and not any(text(each) for each in value)
    return "" if fits else "a tuple of texts"


def method(arguments: int) -> Wanted:
    """Something that can be called with so many arguments."""

    def wanted(value: Any) -> str:
        try:
            inspect.signature(value).bind(*range(arguments))
        except (TypeError, ValueError):
            return f"a method with {arguments} argument{'s' if arguments > 1 else ''}"
        return ""

    return wanted


def options_class(value: Any) -> str:
    """A frozen dataclass derived from BackendOptions, all of whose fields have defaults."""
    if not (isinstance(value, type) and OPTIONS_BASE in map(_path, value.__mro__)):
        return f"a class derived from {OPTIONS_BASE}"
    # A derived class without the decorator has the parameters of its base, and would ignore its own fields.
    if "__dataclass_params__" not in vars(value) or not vars(value)["__dataclass_params__"].frozen:
        return "a frozen dataclass"
    for option in dataclasses.fields(value):
        if option.default is option.default_factory is dataclasses.MISSING:
            return f"a class whose fields all have defaults, '{option.name}' too"
        if option.name in CompileOptions.names():
            own = f"'{option.name}' is an option of every compilation"
            return f"a class whose fields have names of their own ({own})"
        if type_name(option) not in OPTION_TYPES:
            other = f"'{option.name}' is {type_name(option)}"
            return f"a class whose fields are of types {', '.join(OPTION_TYPES)} ({other})"
    return ""


def _path(value: type[Any]) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def pass_class(value: Any) -> str:
    """A frozen dataclass derived from ModulePass."""
    if not (isinstance(value, type) and issubclass(value, ModulePass)):
        return "a class derived from xdsl.passes.ModulePass"
    if inspect.isabstract(value):
        return "a class with a method 'apply'"
    return "" if dataclasses.is_dataclass(value) else "a frozen dataclass"


def device(value: Any) -> str:
    """A Device."""
    return "" if isinstance(value, Device) else "a netloom.core.devices.Device"


def tool(value: Any) -> str:
    """A Tool whose key is not one of netloom's own."""
    if not isinstance(value, Tool):
        return "a netloom.core.tools.Tool"
    return f"a tool with a key of its own ('{value.key}' is netloom's)" if value.key in TOOLS else ""


def anything(value: Any) -> str:
    """No demand."""
    return ""


def first_sentence(value: Any) -> str:
    """The value's own description, or the first paragraph of its class's docstring."""
    described = getattr(value, "description", "")
    if described:
        return str(described)
    documented = value if isinstance(value, type) else type(value)
    return " ".join((documented.__doc__ or "").partition("\n\n")[0].split())


def part_number(value: Device) -> str:
    """Family and part of a device."""
    return f"{value.family}, {value.part}"


@dataclass(frozen=True)
class Kind:
    """What one hook asks for.

    Attributes:
        title: what one of its values is called.
        itself: what the value has to be.
        attributes: what it has to have.
        returns: what an implementation of the hook returns.
        describe: one line about a value, for `netloom plugins`.
    """

    title: str
    attributes: Mapping[str, Wanted]
    itself: Wanted = anything
    returns: tuple[type, str] = (Sequence, "a sequence")
    describe: Callable[[Any], str] = first_sentence

    def defects(self, value: Any) -> Iterator[str]:
        """What is missing or wrong, one sentence each."""
        if wanted := self.itself(value):
            yield f"is {_shown(value)}, not {wanted}"
            return
        for name, check in self.attributes.items():
            try:
                found = getattr(value, name)
            except AttributeError:
                yield f"has no '{name}'"
                continue
            if wanted := check(found):
                yield f"has a '{name}' that is {_shown(found)}, not {wanted}"


KINDS: Mapping[str, Kind] = {
    "netloom_backends": Kind(
        "backend",
        {
            "name": text,
            "description": text,
            "io": texts,
            "options": options_class,
            "pipeline": method(1),
            "emit": method(2),
            "simulator": method(1),
            "read_report": method(1),
        },
    ),
    "netloom_frontends": Kind(
        "frontend", {"name": text, "description": text, "accepts": method(1), "load": method(1)}
    ),
    "netloom_passes": Kind("pass", {"name": text}, pass_class),
    "netloom_pipelines": Kind("pipeline", {}, text, (Mapping, "a mapping from names to texts"), str),
    "netloom_devices": Kind("device", {"name": text}, device, describe=part_number),
    "netloom_tools": Kind("tool", {"name": text}, tool),
    "netloom_solvers": Kind("solver", {"name": text, "solve": method(1)}),
}
"""By the name of the hook."""


def _shown(value: Any) -> str:
    """A value as errors show it: short, and without addresses in memory."""
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    if callable(value):
        return f"the function {getattr(value, '__qualname__', type(value).__name__)}"
    shown = repr(value)
    return shown if len(shown) < 60 and " at 0x" not in shown else f"a {type(value).__qualname__}"
