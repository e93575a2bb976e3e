"""Modules as text that real MLIR reads, with the data of large constants beside or after it.

Ops print in MLIR's generic form. The data of constants that do not print inline follow in MLIR's
resource section (`{-# dialect_resources ... #-}`), or go to a separate file, or are left out.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ArrayAttr as ListAttr
from xdsl.dialects.builtin import BytesAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from netloom.core.diagnostics import CompileError
from netloom.ir.attributes import Array, ArrayAttr
from netloom.ir.context import NetloomContext

RESOURCES_START = "{-#\n  dialect_resources: {\n    builtin: {\n"
RESOURCES_END = "\n    }\n  }\n#-}\n"
ENTRY = re.compile(
    r"fx_(?P<dtype>[if][0-9]+)_(?P<shape>[0-9x]*)_(?P<digest>[0-9a-f]{32}): "
    r'"0x(?P<data>(?:[0-9A-Fa-f]{2})*)"'
)
CLOSED = re.compile(r'"(?:[^"\\\n\v\f]|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*"|//.*')
"""A string literal as xDSL's lexer takes it, or a comment."""

MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What constructors of attributes and types meet in text that is well-formed but makes no sense."""

ALIGNMENT = "08000000"
"""MLIR resource blobs begin with their alignment, four bytes."""


def print_module(module: ModuleOp, *, data: bool = True) -> str:
    """The module as text; without `data` the contents of large constants are left out."""
    stream = StringIO()
    Printer(stream, print_generic_format=True).print_op(module)
    text = stream.getvalue() + "\n"
    arrays = large_arrays(module) if data else {}
    if not arrays:
        return text
    entries = (f'      {_key(array)}: "0x{ALIGNMENT}{_hex(array)}"' for array in arrays.values())
    return text + "\n" + RESOURCES_START + ",\n".join(entries) + RESOURCES_END


def large_arrays(module: ModuleOp) -> Mapping[str, Array]:
    """Arrays that do not print inline, by their hash, in order of first use."""
    found: dict[str, Array] = {}
    for attribute in _attributes(module):
        if isinstance(attribute, ArrayAttr) and not attribute.data.inline:
            found.setdefault(attribute.data.digest, attribute.data)
    return found


def _attributes(module: ModuleOp) -> Iterator[Attribute]:
    for op in module.walk():
        yield from op.properties.values()
        yield from op.attributes.values()


def _key(array: Array) -> str:
    return f"fx_{array.dtype}_{'x'.join(map(str, array.values.shape))}_{array.digest}"


def _hex(array: Array) -> str:
    little_endian = array.values.astype(array.values.dtype.newbyteorder("<"), copy=False)
    return little_endian.tobytes().hex().upper()


def parse_module(text: str, *, data: Mapping[str, Array] | None = None, file: str = "module") -> ModuleOp:
    """Parse and verify text that `print_module` wrote.

    Raises:
        CompileError: NL112 when the text is not valid, or the data of an array is missing.
    """
    context = NetloomContext()
    body, _, tail = text.partition("\n{-#")
    _check_strings(body, file)
    context.resources = {**(data or {}), **_parse_resources(tail, file)}
    try:
        module = Parser(context, body, file).parse_module()
        _restore_strings(module)
        module.verify()
    except (ParseError, VerifyException, *MALFORMED) as error:
        raise _unparsable(str(error), file) from error
    return module


def _restore_strings(module: ModuleOp) -> None:
    """Make names strings again: xDSL prints bytes beyond ASCII as escapes, and reads those as bytes."""
    for op in module.walk():
        for attributes in (op.properties, op.attributes):
            attributes.update({key: _restored(value) for key, value in attributes.items()})


def _restored(attribute: Attribute) -> Attribute:
    if isinstance(attribute, BytesAttr):
        return StringAttr(attribute.data.decode())
    if isinstance(attribute, ListAttr):
        return ListAttr([_restored(element) for element in attribute])
    return attribute


def _unparsable(found: str, file: str) -> CompileError:
    hint = "check the text, or print it again with its data"
    return CompileError("NL112", found, origin=file, hint=hint)


def _check_strings(text: str, file: str) -> None:
    """Refuse a string that is not closed: xDSL's lexer takes exponential time to notice it."""
    for number, line in enumerate(text.split("\n"), start=1):
        if '"' in CLOSED.sub("", line):
            raise _unparsable(f"line {number}: a string is not closed, or has an unknown escape", file)


def _parse_resources(tail: str, file: str) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for match in ENTRY.finditer(tail):
        kind = np.dtype(f"<{match['dtype'][0]}{int(match['dtype'][1:]) // 8}")
        shape = [int(size) for size in match["shape"].split("x") if size]
        raw = bytes.fromhex(match["data"])[len(ALIGNMENT) // 2 :]
        if len(raw) != math.prod(shape) * kind.itemsize:
            raise _damaged(match["digest"], file)
        values = np.frombuffer(raw, dtype=kind).reshape(shape)
        arrays[match["digest"]] = _checked(match["digest"], values, file)
    return arrays


def _checked(digest: str, values: NDArray[Any], file: str) -> Array:
    """The array, when its contents are those that its name is the hash of."""
    array = Array(values)
    if array.digest != digest:
        raise _damaged(digest, file)
    return array


def _damaged(digest: str, file: str) -> CompileError:
    return CompileError(
        "NL112",
        f"the data of array {digest} is damaged or truncated",
        origin=file,
        hint="print the module again with its data",
    )


def save_module(module: ModuleOp, path: Path, *, external: bool = False) -> None:
    """Write a module; with `external` the data go to `<path>.npz` beside it, which is compact."""
    path.write_text(print_module(module, data=not external), encoding="utf-8")
    if external:
        arrays = {digest: array.values for digest, array in large_arrays(module).items()}
        with open(data_path(path), "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy's stub has keyword flags only


def data_path(path: Path) -> Path:
    """Where the external data of a module file are."""
    return path.with_name(path.name + ".npz")


def load_module(path: Path) -> ModuleOp:
    """Read a module file and, when present, its external data.

    Raises:
        CompileError: NL101 when unreadable, NL112 when invalid.
    """
    data: dict[str, Array] = {}
    try:
        text = path.read_text(encoding="utf-8")
        if data_path(path).exists():
            with np.load(data_path(path)) as archive:
                data = {
                    digest: _checked(digest, archive[digest], data_path(path).name)
                    for digest in archive.files
                }
    except OSError as error:
        raise CompileError("NL101", error.strerror or str(error), origin=path.name) from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CompileError("NL101", f"unreadable: {error}", origin=path.name) from error
    return parse_module(text, data=data, file=path.name)
