"""Losses of one example and their slopes dL/dz, or dL/da for the squared loss.

Softmax with its target spread over the labels; decoupled, where a label's softmax leaves the other
labels out (Jain et al., ICLR 2024); logistic of each row; squared.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit


def softmax_loss(z: np.ndarray, is_label: np.ndarray) -> tuple[float, np.ndarray]:
    """-sum_i target_i log p_i, p = softmax(z), target = 1 / n_labels on each label."""
    if not is_label.any():
        return 0.0, np.zeros_like(z)
    log_p = z - z.max() - np.log(np.exp(z - z.max()).sum())
    target = is_label / is_label.sum()
    return -(target * log_p).sum(), np.exp(log_p) - target


def decoupled_loss(z: np.ndarray, is_label: np.ndarray) -> tuple[float, np.ndarray]:
    """-sum over labels of log(exp z / (exp z + sum over others of exp z)) / n_labels."""
    if not is_label.any():
        return 0.0, np.zeros_like(z)
    log_others = np.logaddexp.reduce(z[~is_label], initial=-np.inf)
    pays = np.logaddexp(z[is_label], log_others) - z[is_label]
    pulls = -np.expm1(-pays) / is_label.sum()
    slope = np.empty_like(z)
    slope[is_label] = -pulls
    slope[~is_label] = pulls.sum() * np.exp(z[~is_label] - log_others)
    return pays.mean(), slope


def logistic_loss(z: np.ndarray, is_label: np.ndarray) -> tuple[float, np.ndarray]:
    """sum_i log(1 + exp(-z_i)) over labels + sum_i log(1 + exp(z_i)) over the other rows."""
    return np.logaddexp(0, np.where(is_label, -z, z)).sum(), expit(z) - is_label


LOSSES = {"softmax": softmax_loss, "decoupled": decoupled_loss, "logistic": logistic_loss}


def squared_loss(a: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """1/2 sum_i (a_i - y_i)^2"""
    return 0.5 * ((a - y) ** 2).sum(), a - y


def sampled_loss(
    loss: str, z: np.ndarray, is_label: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """The loss where row i stands for weights[i] rows of its score."""
    if loss != "logistic":
        return LOSSES[loss](z + np.log(weights), is_label)
    pays = weights * np.logaddexp(0, np.where(is_label, -z, z))
    return pays.sum(), weights * (expit(z) - is_label)
