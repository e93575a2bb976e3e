"""Attributes and types of the IR: the fixed-point element type and constant arrays.

A constant array prints its elements when it is small; otherwise it prints the hash of its
contents, and the contents travel in the resource section of the file (`netloom.ir.text`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import Float32Type, IntAttr, StringAttr, TensorType, f32
from xdsl.ir import Attribute, Data, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import BaseAttr, irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from netloom.core.fixed import Format

INLINE_ELEMENTS = 16
"""Arrays of up to this many elements print their elements."""

DTYPES = ("i8", "i16", "i32", "i64", "f32", "f64")


class Array:
    """An immutable constant array, equal by content; integers are held in the smallest type."""

    def __init__(self, values: NDArray[Any]) -> None:
        compact = np.ascontiguousarray(_compact(np.asarray(values))).reshape(np.shape(values))
        compact.flags.writeable = False
        self.values: NDArray[Any] = compact

    @property
    def dtype(self) -> str:
        """Storage type: one of `DTYPES`."""
        return f"{self.values.dtype.kind}{8 * self.values.dtype.itemsize}"

    @cached_property
    def digest(self) -> str:
        """Hash of type, shape and contents (sha256, 32 hexadecimal digits)."""
        head = f"{self.dtype}:{self.values.shape}:".encode()
        little_endian = self.values.astype(self.values.dtype.newbyteorder("<"), copy=False)
        return hashlib.sha256(head + little_endian.tobytes()).hexdigest()[:32]

    @property
    def inline(self) -> bool:
        """Whether it prints its elements: it is small, and text has a form for each of them."""
        return self.values.size <= INLINE_ELEMENTS and bool(np.all(np.isfinite(self.values)))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Array) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Array({self.dtype}, {self.values.shape}, {self.digest})"


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype == np.float32 or values.dtype == np.float64:
        return values.copy()
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if values.dtype.kind not in "iub":
        raise TypeError(f"no constant array of dtype {values.dtype}")
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for bits in (8, 16, 32, 64):
        if -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1):
            return values.astype(f"i{bits // 8}")
    raise OverflowError("constant does not fit 64 bits")


@irdl_attr_definition
class ArrayAttr(Data[Array]):
    """A constant array: `#fx.array<"i8", [2, 2], [1, 2, 3, 4]>`, or by hash when large."""

    name = "fx.array"

    @staticmethod
    def of(values: NDArray[Any] | Sequence[Any] | float) -> ArrayAttr:
        """The attribute for anything numpy makes an array of."""
        return ArrayAttr(Array(np.asarray(values)))

    @property
    def values(self) -> NDArray[Any]:
        """The read-only contents, in the storage type."""
        return self.data.values

    def ints(self) -> NDArray[np.int64]:
        """The contents as int64."""
        return self.data.values.astype(np.int64)

    def reals(self) -> NDArray[np.float64]:
        """The contents as float64."""
        return self.data.values.astype(np.float64)

    def print_parameter(self, printer: Printer) -> None:
        """Print inline or by hash."""
        shape = ", ".join(map(str, self.values.shape))
        with printer.in_angle_brackets():
            printer.print_string(f'"{self.data.dtype}", [{shape}], ')
            if self.data.inline:
                printer.print_string("[" + ", ".join(map(_literal, self.values.ravel())) + "]")
            else:
                printer.print_string(f'"{self.data.digest}"')

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Array:
        """Parse; large arrays are looked up in the context's resources by their hash."""
        with parser.in_angle_brackets():
            dtype = parser.parse_str_literal()
            if dtype not in DTYPES:
                parser.raise_error(f"array element type {dtype} is not one of {', '.join(DTYPES)}")
            parser.parse_characters(",")
            shape = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
            parser.parse_characters(",")
            digest = parser.parse_optional_str_literal()
            if digest is not None:
                resources: dict[str, Array] = getattr(parser.ctx, "resources", {})
                if digest not in resources:
                    parser.raise_error(f"the file does not contain the data of array {digest}")
                return resources[digest]
            elements = parser.parse_comma_separated_list(
                parser.Delimiter.SQUARE, lambda: parser.parse_number()
            )
        kind = np.dtype(f"{dtype[0]}{int(dtype[1:]) // 8}")
        if len(elements) != int(np.prod(shape)):
            parser.raise_error(f"array of shape {shape} has {len(elements)} elements")
        return Array(np.array(elements, dtype=kind).reshape(shape))


def _literal(value: Any) -> str:
    if isinstance(value, np.integer):
        return str(int(value))
    text = repr(float(value))
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text


@irdl_attr_definition
class FixedType(ParametrizedAttribute, TypeAttribute):
    """Element type `!fx.fixed<width, integer, signed|unsigned>`: m * 2^-(width-integer)."""

    name = "fx.fixed"
    width: IntAttr = param_def()
    integer: IntAttr = param_def()
    signedness: StringAttr = param_def(BaseAttr(StringAttr))

    @staticmethod
    def of(number_format: Format) -> FixedType:
        """The type of numbers in `number_format`."""
        return FixedType(
            IntAttr(number_format.width),
            IntAttr(number_format.integer),
            StringAttr("signed" if number_format.signed else "unsigned"),
        )

    @property
    def format(self) -> Format:
        """The number format."""
        return Format(self.width.data, self.integer.data, self.signedness.data == "signed")

    def verify(self) -> None:
        """Widths are 0 to 63 bits; signedness is one of two words."""
        if self.signedness.data not in ("signed", "unsigned"):
            raise VerifyException(f"signedness is signed or unsigned, not {self.signedness.data}")
        if not 0 <= self.width.data <= 63:
            raise VerifyException(f"width {self.width.data} is outside 0..63")

    def print_parameters(self, printer: Printer) -> None:
        """Print `<W, I, signed>`."""
        printer.print_string(f"<{self.width.data}, {self.integer.data}, {self.signedness.data}>")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse `<W, I, signed>`."""
        with parser.in_angle_brackets():
            width = parser.parse_integer(allow_boolean=False)
            parser.parse_characters(",")
            integer = parser.parse_integer(allow_boolean=False)
            parser.parse_characters(",")
            signedness = parser.parse_identifier()
        return IntAttr(width), IntAttr(integer), StringAttr(signedness)


@irdl_attr_definition
class StreamType(ParametrizedAttribute, TypeAttribute):
    """A tensor that moves beat by beat: `!flow.stream<tensor<1x8x8x3x...>, 3>` has a beat per pixel.

    The first `axes` axes of the tensor count the beats of a frame, in row-major order; the others are
    the elements of a beat.
    """

    name = "flow.stream"
    tensor: TensorType[FixedType] = param_def()
    axes: IntAttr = param_def()

    @staticmethod
    def of(shape: Sequence[int], number_format: Format, axes: int) -> StreamType:
        """The stream of tensors of `shape` whose first `axes` axes count beats."""
        return StreamType(fixed_tensor(shape, number_format), IntAttr(axes))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole tensor."""
        return tuple(self.tensor.get_shape())

    @property
    def beats(self) -> int:
        """Beats in a frame."""
        return math.prod(self.shape[: self.axes.data])

    @property
    def elements(self) -> int:
        """Elements in a beat."""
        return math.prod(self.shape[self.axes.data :])

    @property
    def beat_type(self) -> TensorType[FixedType]:
        """The tensor of one beat: as many axes, those that count beats of size 1."""
        axes = self.axes.data
        return TensorType(self.tensor.element_type, (1,) * axes + self.shape[axes:])

    def verify(self) -> None:
        """Fixed-point elements; the axes exist."""
        if not isinstance(self.tensor.element_type, FixedType):
            raise VerifyException("a stream carries fixed-point numbers")
        if not 0 <= self.axes.data <= len(self.shape):
            raise VerifyException(f"{self.axes.data} of {len(self.shape)} axes cannot count beats")

    def print_parameters(self, printer: Printer) -> None:
        """Print `<tensor<...>, axes>`."""
        with printer.in_angle_brackets():
            printer.print_attribute(self.tensor)
            printer.print_string(f", {self.axes.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse `<tensor<...>, axes>`."""
        with parser.in_angle_brackets():
            tensor = parser.parse_type()
            parser.parse_characters(",")
            axes = parser.parse_integer(allow_boolean=False)
        return tensor, IntAttr(axes)


ElementType = Float32Type | FixedType


def real_tensor(shape: Sequence[int]) -> TensorType[Float32Type]:
    """`tensor<shape x f32>`: real numbers."""
    return TensorType(f32, shape)


def fixed_tensor(shape: Sequence[int], number_format: Format) -> TensorType[FixedType]:
    """`tensor<shape x !fx.fixed<...>>`."""
    return TensorType(FixedType.of(number_format), shape)


def shape_of(type_: Attribute) -> tuple[int, ...]:
    """Static shape of a tensor type, or of the tensor that a stream carries."""
    type_ = type_.tensor if isinstance(type_, StreamType) else type_
    if not isinstance(type_, TensorType):
        raise VerifyException(f"expected a tensor, got {type_}")
    shape = type_.get_shape()
    if any(size < 0 for size in shape):
        raise VerifyException("tensors have static shapes")
    return tuple(shape)


def format_of(type_: Attribute) -> Format | None:
    """Number format of a fixed-point tensor or stream type, None for a real one."""
    type_ = type_.tensor if isinstance(type_, StreamType) else type_
    element = type_.element_type if isinstance(type_, TensorType) else type_
    return element.format if isinstance(element, FixedType) else None


def is_real_tensor(type_: Attribute) -> bool:
    """Whether the type is a tensor of real numbers."""
    return isinstance(type_, TensorType) and format_of(type_) is None
