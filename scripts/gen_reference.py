"""Write the pages of docs/reference from the package itself.

.venv/bin/python scripts/gen_reference.py          write the pages
.venv/bin/python scripts/gen_reference.py --check  exit with 1 and name the pages that are stale
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from xdsl.dialects.builtin import ArrayOfConstraint
from xdsl.ir import Dialect
from xdsl.irdl import BaseAttr, OptionalDef, ParamAttrConstraint, RangeOf, VariadicDef

import netloom
from netloom.backends.base import BackendOptions
from netloom.core.devices import DEFAULT_DEVICE, DEVICES, Device
from netloom.core.diagnostics import CODES
from netloom.core.options import RANGES, REQUANTIZE, CompileOptions
from netloom.core.plugins import registry
from netloom.core.tools import TOOLS
from netloom.frontends.onnx.importer import Converter
from netloom.frontends.onnx.ops import CONVERTERS
from netloom.ir.base import NetloomOp
from netloom.ir.context import DIALECTS
from netloom.ir.functions import BASE, FUNCTIONS
from netloom.passes.manager import options_of
from scripts.gen_pragmas import page as pragmas

DIRECTORY = Path(__file__).parents[1] / "docs" / "reference"
PACKAGE = Path(netloom.__file__).parent
NOTICE = "<!-- Written by scripts/gen_reference.py; edit the docstrings of the package instead. -->"
OWN_PLUGINS = "(netloom)"


# ------------------------------------------------------------------------------------------- text


def page(title: str, *parts: str) -> str:
    """A page from its title and its blocks."""
    return "\n\n".join([f"# {title}", NOTICE, *(part.strip("\n") for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def code(value: object) -> str:
    """Inline code."""
    return f"`{value}`"


def prose(text: str | None) -> str:
    """A docstring as Markdown: paragraphs unwrapped, lists kept."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(unwrapped(paragraph) for paragraph in paragraphs)


def unwrapped(paragraph: str) -> str:
    """One paragraph on one line, one line for each point of a list."""
    lines: list[str] = []
    for line in paragraph.splitlines():
        point = line.lstrip().startswith("* ")
        if lines and not point:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line.strip())
    return "\n".join(lines)


SECTION = re.compile(r"\n*^(Options|Attributes|Args|Returns|Raises):\n((?:    .*\n?|\n)*)", re.MULTILINE)
ENTRY = re.compile(r"^([A-Za-z_][\w, ]*):\s*(.*)$")


def split_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """The prose of a docstring, and the texts of its options or attributes by name."""
    clean = inspect.cleandoc(text or "") + "\n"
    entries: dict[str, str] = {}
    for match in SECTION.finditer(clean):
        if match[1] in ("Options", "Attributes"):
            entries.update(section_entries(inspect.cleandoc(match[2])))
    return prose(SECTION.sub("", clean)), entries


def section_entries(text: str) -> dict[str, str]:
    """Name to text; `a, b: text` stands for both."""
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        found = ENTRY.match(line)
        if found and not line.startswith(" "):
            names = [name.strip() for name in found[1].split(",")]
            entries.update(dict.fromkeys(names, found[2].strip()))
        else:
            for name in names:
                entries[name] = f"{entries[name]} {line.strip()}".strip()
    return entries


def option_rows(options: type[Any], texts: Mapping[str, str], *, dashes: bool) -> list[list[str]]:
    """Name, type, default and text of each field of a dataclass."""
    rows = []
    for option in dataclasses.fields(options):
        if option.name in ("name", "io"):
            continue
        shown = option.name.replace("_", "-") if dashes else option.name
        rows.append([code(shown), code(option.type), code(literal(option.default)), texts[option.name]])
    return rows


def literal(value: object) -> str:
    """A default as it is written."""
    return f'"{value}"' if isinstance(value, str) else str(value)


# ----------------------------------------------------------------------------------------- dialects


def dialects() -> str:
    """Every op and attribute of the dialects."""
    parts = [
        "The stages of a compilation use these ops. `tensor` is `tensor<...xf32>` (real numbers) or"
        " `tensor<...x!fx.fixed<W, I, signed|unsigned>>`; an op says which it takes. The lines *shape*,"
        " *fraction*, *range* and *meaning* are the op's own rules: the shape of the result, its fraction"
        " bits, the interval of its mantissas and what it computes. Every op may carry the property"
        " `origin` (the name of the node that it came from)."
    ]
    for dialect in DIALECTS:
        parts.append(f"## Dialect `{dialect.name}`")
        parts.append(prose(dialect_docstring(dialect)))
        for attribute in dialect.attributes:
            parts.append(f"### `{'!' if is_type(attribute) else '#'}{attribute.name}`")
            parts.append(prose(attribute.__doc__))
        parts += [op_text(op) for op in dialect.operations]  # type: ignore[arg-type]
    return page("Dialects", *parts)


def dialect_docstring(dialect: Dialect) -> str | None:
    """The docstring of the module or package that defines a dialect."""
    operation = next(iter(dialect.operations))
    name = operation.__module__
    while not hasattr(sys.modules[name], dialect.name.capitalize()):
        name = name.rpartition(".")[0]
    return sys.modules[name].__doc__


def is_type(attribute: type[Any]) -> bool:
    """Whether an attribute is a type."""
    return any(base.__name__ == "TypeAttribute" for base in attribute.__mro__)


def op_text(op: type[NetloomOp]) -> str:
    """One op."""
    definition = op.get_irdl_definition()
    rows = [["operand", code(name), "tensor" + arity(kind)] for name, kind in definition.operands]
    for name, kind in definition.properties.items():
        if name != "origin":
            rows.append(["property", code(name), code(constraint(kind.constr)) + arity(kind)])
    rows += [["result", code(name), "tensor"] for name, _ in definition.results]
    rules = [("shape", "shape_rule"), ("fraction", "fraction_rule"), ("range", "interval_rule")]
    if not issubclass(op, NetloomOp):  # the end of a region
        rules = []
    else:
        rules = [*(rules[:1] if is_real_only(op) else rules), ("meaning", "evaluate")]
    lines = [f"* *{label}*: {summary(getattr(op, rule))}" for label, rule in rules]
    blocks = [f"### `{op.name}`", prose(op.__doc__), table(["", "name", "type"], rows), "\n".join(lines)]
    return "\n\n".join(blocks)


def is_real_only(op: type[NetloomOp]) -> bool:
    """Whether an op has no fixed-point result: its interval rule only refuses."""
    names = set(op.interval_rule.__code__.co_names)
    return bool(names & {"real_only", "VerifyException"}) and not names & {"Interval", "getattr"}


def arity(kind: object) -> str:
    """How often an operand or property may be there."""
    if isinstance(kind, OptionalDef):
        return ", optional"
    return ", any number" if isinstance(kind, VariadicDef) else ""


def constraint(value: Any) -> str:
    """The attribute that a property must be."""
    if isinstance(value, BaseAttr):
        return NAMES[value.attr.name]
    if isinstance(value, ParamAttrConstraint):
        # A boolean is an integer of one bit.
        return "boolean" if "IntegerType(1)" in repr(value) else NAMES[value.base_attr.name]
    if isinstance(value, ArrayOfConstraint) and isinstance(value.elem_range_constraint, RangeOf):
        return f"list of {constraint(value.elem_range_constraint.constr)}s"
    raise LookupError(f"no short name for {value}")


NAMES = {
    "string": "string",
    "integer": "integer",
    "float": "float",
    "dictionary": "dictionary",
    "fx.array": "#fx.array",
}
"""Short names of attributes."""


def summary(function: Any) -> str:
    """First paragraph of a function's docstring."""
    return unwrapped(inspect.cleandoc(function.__doc__ or "").split("\n\n")[0])


# ------------------------------------------------------------------------------------------- errors


def errors() -> str:
    """Every diagnostic code and the modules that raise it."""
    raised = raising_modules()
    rows = [
        [code(name), text, ", ".join(code(module) for module in raised.get(name, [])) or "reserved"]
        for name, text in CODES.items()
    ]
    return page(
        "Errors",
        "Every refusal is a `netloom.CompileError`. It has a `code`, an `origin` (the node, layer, option or"
        " file that it is about), what was `found`, what is `supported` and a `hint`; its text shows all of"
        " them. `netloom explain NL301` prints the meaning of a code. Codes keep their meaning across"
        " versions. A refused compilation writes no files.",
        "Groups: NL1xx model files, NL2xx options, NL3xx arithmetic, NL4xx input arrays, NL5xx output"
        " directories, NL6xx tools and packages, NL7xx defects of passes, NL8xx plugins.",
        table(["code", "meaning", "raised in"], rows),
    )


def raising_modules() -> dict[str, list[str]]:
    """Code to the modules that make an error of it."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(["netloom", *path.relative_to(PACKAGE).with_suffix("").parts])
        for name in sorted(codes_in(ast.parse(path.read_text(encoding="utf-8")))):
            found.setdefault(name, []).append(module.removesuffix(".__init__"))
    return found


def codes_in(tree: ast.AST) -> set[str]:
    """Codes that are the first argument of a call."""
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and call.args[0].value in CODES
    }


# ------------------------------------------------------------------------------------------ options


def options() -> str:
    """Options of the compiler and of each backend."""
    parts = [
        "All of these are keyword arguments of `netloom.compile`. On the command line they are"
        " `-o name=value`; `precision` and `input_precision` have flags of their own there."
        " An unknown name is an error (NL201), and so is a value that is not allowed (NL203).",
        "## Every compilation",
    ]
    _, texts = split_docstring(CompileOptions.__doc__)
    rows = option_rows(CompileOptions, texts, dashes=False)
    allowed = {name: f"{low} to {high}" for name, low, high in RANGES} | {"requantize": ", ".join(REQUANTIZE)}
    for row in rows:
        row.append(allowed.get(row[0].strip("`"), ""))
    parts.append(table(["option", "type", "default", "meaning", "allowed"], rows))
    for provided in own(registry().backends).values():
        backend = provided.value
        texts = inherited_texts(backend.options)
        parts.append(f"## Backend `{backend.name}`")
        parts.append(f"{backend.description}. Forms of design (`io`): {', '.join(map(code, backend.io))}.")
        rows = option_rows(backend.options, texts, dashes=False)
        parts.append(table(["option", "type", "default", "meaning"], rows))
    parts += ["## Arguments of `netloom.compile`", compile_arguments()]
    tools = [
        [code(tool.key), tool.title, code(tool.variable), ", ".join(map(code, tool.names))]
        for tool in TOOLS.values()
    ]
    parts += [
        "## Tools",
        "A tool is the executable that its environment variable names, or the first of its names on the"
        " search path.",
        table(["key", "tool", "environment variable", "names"], tools),
    ]
    return page("Options", *parts)


def inherited_texts(options: type[BackendOptions]) -> dict[str, str]:
    """The texts of all options of a backend, those that it shares with others too."""
    texts: dict[str, str] = {}
    for base in reversed(options.__mro__):
        if issubclass(base, BackendOptions):
            texts |= split_docstring(base.__dict__.get("__doc__"))[1]
    return texts


def compile_arguments() -> str:
    """The table of arguments, from the docstring of `compile`."""
    text = inspect.cleandoc(netloom.compile.__doc__ or "") + "\n"
    arguments = next(match[2] for match in SECTION.finditer(text) if match[1] == "Args")
    entries = section_entries(inspect.cleandoc(arguments))
    return table(["argument", "meaning"], [[code(name), meaning] for name, meaning in entries.items()])


def own(provided: Mapping[str, Any]) -> dict[str, Any]:
    """What the package itself provides: other installed plugins are not part of its reference."""
    return {name: value for name, value in provided.items() if value.plugin.endswith(OWN_PLUGINS)}


# ------------------------------------------------------------------------------------------- passes


def passes() -> str:
    """Every pass with its options, and the named pipelines."""
    pipelines = own(registry().pipelines)
    parts = [
        "A pipeline is text: names of passes and of pipelines, separated by commas, options in braces:"
        ' `clean,absorb-quantizers{requantize="multiplier" multiplier-bits=12}`. In braces, underscores of'
        " option names become hyphens, and text stands in double quotes. `netloom-opt --passes` and"
        " `netloom.compile(pipeline=...)` take such text; every written project has the one it was made"
        " with in `netloom/pipeline.txt`.",
        "## Named pipelines",
        table(["name", "stands for"], [[code(p.name), code(p.value)] for p in pipelines.values()]),
        "`netloom.compile` runs the passes of `clean`, `quantize` and `optimize` with the options of the"
        " compilation, then the pipeline of the backend.",
    ]
    for provided in own(registry().passes).values():
        text, texts = split_docstring(provided.value.__doc__)
        parts += [f"## `{provided.name}`", text]
        rounds = provided.value.__dict__.get("rounds")
        if isinstance(rounds, property):
            parts.append(f"May change values: {summary(rounds)}")
        elif rounds:
            parts.append(
                "May change values: it rounds by the user's choice, so check-semantics does not compare it."
            )
        if options_of(provided.value):
            rows = option_rows(provided.value, texts, dashes=True)
            parts.append(table(["option", "type", "default", "meaning"], rows))
    return page("Passes", *parts)


# ---------------------------------------------------------------------------------------- operators


def operators() -> str:
    """The ONNX operators that are imported."""
    rows = [
        [code(name), ", ".join(map(code, sorted(converter.attributes))), note(name, converter)]
        for name, converter in sorted(CONVERTERS.items())
        if not is_refusal(converter)
    ]
    refused = [code(name) for name, converter in sorted(CONVERTERS.items()) if is_refusal(converter)]
    functions = [
        [code(name), ", ".join(f"`{key}` = {value:g}" for key, value in function.parameters.items())]
        for name, function in sorted(BASE.items())
    ]
    return page(
        "Operators",
        "ONNX operators that the frontend imports, with the attributes that it understands; any other"
        " attribute is an error (NL104), and so is an attribute value without a fixed meaning here. `Quant`,"
        " `IntQuant`, `BipolarQuant` and `Trunc` are QONNX's, and so are `Conv`, `MaxPool`, `AveragePool` and"
        " `BatchNormalization` of its domain `qonnx.custom_op.channels_last`. Nodes whose inputs are all"
        " constants are evaluated at import, whatever their operator. All shapes are static, apart from a"
        " free batch size on axis 0. An unknown operator is refused (NL103) with the nearest supported one.",
        table(["operator", "attributes", "imported as"], rows),
        f"Recognised only to be refused with advice: {', '.join(refused)}." if refused else "",
        "## Functions",
        "Functions of one variable (`nn.function`) and their parameters. On fixed-point numbers each is a"
        " lookup table, or a composition that contains one.",
        table(["function", "parameters"], functions),
    )


def is_refusal(converter: Converter) -> bool:
    """Whether a converter only raises."""
    return "refuse" in converter.convert.__name__


REDUCED = {
    "L1": "sum of magnitudes",
    "L2": "square root of the sum of squares",
    "Max": "`nn.reduce` max",
    "Mean": "`nn.reduce` mean",
    "Min": "`nn.reduce` min",
    "Sum": "`nn.reduce` sum",
    "SumSquare": "sum of squares",
}
NOTES = {
    "ArgMax": "`nn.argmax`",
    "ArgMin": "`nn.argmax` of the negated input",
    "Hardmax": "`nn.hardmax`; before opset 13 all axes from `axis` on count as one",
    "LogSoftmax": "x - max - log(sum(exp(x - max)))",
    "Neg": "product with -1",
    "Abs": "max(x, -x)",
    "PRelu": "`nn.prelu`",
    "Relu": "`nn.relu`",
    "Size": "a constant",
    "Softmax": "`nn.softmax`; before opset 13 all axes from `axis` on count as one",
    **{f"Reduce{kind}": text for kind, text in REDUCED.items()},
}
"""Converters that are made by a function and have no docstring of their own."""


def note(name: str, converter: Converter) -> str:
    """What an operator becomes: by hand, the converter's docstring, or what it closes over.

    Raises:
        LookupError: nothing says so; add it to `NOTES`.
    """
    if name in NOTES:
        return NOTES[name]
    if converter.convert.__doc__:
        return summary(converter.convert)
    bound = inspect.getclosurevars(converter.convert).nonlocals
    if "op_type" in bound:
        return code(bound["op_type"].name)
    if bound.get("name") in FUNCTIONS:
        return f"function {code(bound['name'])}"
    raise LookupError(f"NOTES says nothing about the operator {name}")


# ------------------------------------------------------------------------------------------ devices


def devices() -> str:
    """The devices and their planning figures."""
    _, texts = split_docstring(Device.__doc__)
    names = [option.name for option in dataclasses.fields(Device)]
    module = sys.modules[Device.__module__]
    shown = [name for name in names if name != "name"]
    rows = [
        [code(device.name), *(plain(getattr(device, name)) for name in shown)] for device in DEVICES.values()
    ]
    return page(
        "Devices",
        prose((module.__doc__ or "").partition("\n\n")[2]),
        f"The default is {code(DEFAULT_DEVICE)}. Another name is an error (NL206).",
        table(["name", *map(code, shown)], rows),
        "## Columns",
        table(["column", "meaning"], [[code(name), texts[name]] for name in names]),
    )


def plain(value: object) -> str:
    """A figure as text."""
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)


# -------------------------------------------------------------------------------------- command line


def command_line() -> str:
    """Commands of all programs, from the same declarations as their --help."""
    from netloom.cli.main import app
    from netloom.cli.opt import app as opt_app
    from netloom.cli.reduce import app as reduce_app

    group: Any = typer.main.get_command(app)
    parts = ["## `netloom`", group.help or ""]
    for name, command in group.commands.items():
        parts += [f"### `netloom {name}`", prose(command.help), parameters(command)]
    for name, program in (("netloom-opt", opt_app), ("netloom-reduce", reduce_app)):
        command: Any = typer.main.get_command(program)
        parts += [f"## `{name}`", prose(command.help), parameters(command)]
    parts.append(
        "Exit codes of all: 0 done, 1 refused (the error is on standard error), 2 wrong usage, or bits that"
        " differ in `netloom simulate`, 130 interrupted."
    )
    return page("Command line", *parts)


def parameters(command: Any) -> str:
    """The table of a command's arguments and options."""
    rows = []
    for parameter in command.params:
        names = [*parameter.opts, *parameter.secondary_opts]
        argument = parameter.param_type_name == "argument"
        shown = parameter.name.upper() if argument else ", ".join(names)
        needed = "required" if parameter.required else default_text(parameter.default)
        rows.append([code(shown), needed, parameter.help or ""])
    return table(["parameter", "default", "meaning"], rows) if rows else ""


def default_text(value: object) -> str:
    """The default of an option; nothing for what is off or empty."""
    return "" if value in (None, "", False, ()) or value == [] else code(value)


PAGES = {
    "dialects.md": dialects,
    "errors.md": errors,
    "options.md": options,
    "passes.md": passes,
    "operators.md": operators,
    "devices.md": devices,
    "cli.md": command_line,
    "pragmas.md": pragmas,
}


def pages() -> dict[str, str]:
    """File name to contents of every page."""
    return {name: write() for name, write in PAGES.items()}


def stale(directory: Path = DIRECTORY) -> list[str]:
    """Pages that differ from what they should be, or are missing."""
    return [
        name
        for name, text in pages().items()
        if not (directory / name).is_file() or (directory / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str]) -> int:
    """Write or check the pages."""
    if list(arguments) == ["--check"]:
        outdated = stale()
        for name in outdated:
            print(f"docs/reference/{name} is out of date; run scripts/gen_reference.py")
        return 1 if outdated else 0
    if arguments:
        print(__doc__)
        return 2
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
