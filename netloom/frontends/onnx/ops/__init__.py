"""Converters of ONNX operators, by operator name."""

from netloom.frontends.onnx.importer import Converter
from netloom.frontends.onnx.ops import conv, einsum, elementwise, image, linear, pool, quant, shape
from netloom.frontends.trees import onnx_ml

CONVERTERS: dict[str, Converter] = {
    **elementwise.CONVERTERS,
    **linear.CONVERTERS,
    **einsum.CONVERTERS,
    **shape.CONVERTERS,
    **quant.CONVERTERS,
    **onnx_ml.CONVERTERS,
    **conv.CONVERTERS,
    **pool.CONVERTERS,
    **image.CONVERTERS,
}

REFUSED = {"FloatQuant"}
"""Operators that are known in order to say why they are refused."""
