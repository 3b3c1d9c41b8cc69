"""Optimizers, and schedules of their learning rates: `ff.optim.RMS(lr=0.002)`."""

from .training.optimizers import RMS, SGD, Adagrad, Adam
from .training.schedules import Constant, CosineDecay, LinearDecay, OneCycle, StepDecay

__all__ = [
    "RMS",
    "SGD",
    "Adagrad",
    "Adam",
    "Constant",
    "CosineDecay",
    "LinearDecay",
    "OneCycle",
    "StepDecay",
]
