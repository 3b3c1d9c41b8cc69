"""Small models for small devices: networks of integers, and what devices make of them."""

from .export_c import export_c
from .export_onnx import export_onnx
from .quantized import Quantized, quantize
from .spending import EnergyReport, energy

__all__ = ["EnergyReport", "Quantized", "energy", "export_c", "export_onnx", "quantize"]
