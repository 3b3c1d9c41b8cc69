"""The losses of networks, and which one fits which targets."""

from __future__ import annotations

LOSSES = ("softmax", "decoupled", "logistic", "squared")
LOSS_OF_KIND = {"classes": "softmax", "labels": "logistic", "values": "squared"}
