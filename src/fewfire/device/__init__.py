"""Small models for small devices: networks of integers, and what devices make of them."""

from .export_c import export_c
from .export_onnx import export_onnx
from .quantized import Quantized, quantize

__all__ = ["Quantized", "export_c", "export_onnx", "quantize"]
