"""Optimizers that touch a row only when it has a gradient: it first settles what it owes for the
steps that it missed, then its touched parameters take their step.

Adagrad: Duchi et al. (JMLR 2011); Adam: Kingma & Ba (ICLR 2015). l2 is decoupled, and paid in
instalments: one is due every l2_period steps. Row-wise, all weights of a row share one second
moment, which is fed with the mean square of their gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reference.nets import Bag, Layer


@dataclass(frozen=True)
class Optimizer:
    kind: str = "sgd"
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    rho: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    l2_period: int = 1
    rowwise: bool = False

    @property
    def rule(self) -> str:
        return "momentum" if self.kind == "sgd" and self.momentum > 0 else self.kind

    def moment_widths(self, n_columns: int) -> list[int]:
        """Columns of each moment of the weights; row-wise, the second has one number per row."""
        second = 1 if self.rowwise else n_columns
        return {
            "sgd": [],
            "momentum": [n_columns],
            "adagrad": [second],
            "rms": [second],
            "adam": [n_columns, second],
        }[self.rule]


@dataclass
class State:
    moments: list[np.ndarray]  # each (n, d + 1), or (n, 2): the row's and the bias's
    touched: np.ndarray  # (n,) the last step that changed the row
    bias: State | None = None  # of a bag, whose rows are inputs and have none: one row of biases


def new_state(layer: Layer, optimizer: Optimizer, initial: float = 0.0) -> State:
    n, d = layer.weights.shape
    if isinstance(layer, Bag):
        inputs = new_state(Layer(np.zeros((d, n + 1))), optimizer, initial)
        biases = new_state(Layer(np.zeros((1, n + 1))), replace(optimizer, rowwise=False), initial)
        return replace(inputs, bias=biases)
    moments = [np.full((n, width + 1), initial) for width in optimizer.moment_widths(d)]
    return State(moments, np.zeros(len(layer.rows), np.int64))


def moved(
    optimizer: Optimizer,
    w: np.ndarray,
    g: np.ndarray,
    squares: np.ndarray,
    moments: list[np.ndarray],
    rate: float,
    step: int,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One step on parameters with the gradients g: their new values and moments. `squares` is g^2,
    or what stands for it."""
    o = optimizer
    if o.rule == "sgd":
        return w - rate * g, []
    if o.rule == "momentum":
        v = o.momentum * moments[0] + g
        return w - rate * v, [v]
    if o.rule == "adam":
        m = o.beta1 * moments[0] + (1 - o.beta1) * g
        v = o.beta2 * moments[1] + (1 - o.beta2) * squares
        mean, variance = m / (1 - o.beta1**step), v / (1 - o.beta2**step)
        return w - rate * mean / (np.sqrt(variance) + o.eps), [m, v]
    decay, gain = (1, 1) if o.rule == "adagrad" else (o.rho, 1 - o.rho)
    total = decay * moments[0] + gain * squares
    return w - rate * g / (np.sqrt(total) + o.eps), [total]


def settle(
    row: np.ndarray,
    moments: list[np.ndarray],
    last: int,
    optimizer: Optimizer,
    rate: float,
    step: int,
) -> None:
    """Pay what a row owes since step `last`; one that was never touched has no moments to decay."""
    o, owed = optimizer, step - last - 1
    decays = {"momentum": [o.momentum], "adam": [o.beta1, o.beta2]}.get(o.rule, [])
    if owed > 0 and last > 0:
        for moment, decay in zip(moments, decays, strict=bool(decays)):
            moment *= decay**owed
    due = step // o.l2_period - last // o.l2_period
    if o.l2 > 0 and due > 0:
        row[:-1] *= max(0.0, 1 - rate * o.l2) ** (due * o.l2_period)


def update_row(
    row: np.ndarray,
    moments: list[np.ndarray],
    last: int,
    g: np.ndarray,
    touched: np.ndarray,
    optimizer: Optimizer,
    rate: float,
    step: int,
) -> None:
    """Settle what the row (weights, bias) owes, then move its touched parameters."""
    settle(row, moments, last, optimizer, rate, step)
    n_weights = len(row) - 1
    squares = g**2
    if optimizer.rowwise and touched[:-1].any():
        squares[:-1] = squares[:-1][touched[:-1]].mean()
        if optimizer.rule == "rms" and moments[0][0] == 0:  # the first step is as long as others
            moments[0][0] = squares[0]
    # The place of each parameter in a moment: a row-wise one stands for all weights.
    places = [
        np.arange(len(row)) if len(moment) == len(row) else np.repeat([0, 1], [n_weights, 1])
        for moment in moments
    ]
    wide = [moment[place] for moment, place in zip(moments, places, strict=True)]
    after, moments_after = moved(optimizer, row, g, squares, wide, rate, step)
    row[touched] = after[touched]
    for moment, place, values in zip(moments, places, moments_after, strict=True):
        moment[place[touched]] = values[touched]


def update(
    layer: Layer,
    state: State,
    g: np.ndarray,
    touched: np.ndarray,
    optimizer: Optimizer,
    rate: float,
    step: int,
) -> None:
    """One step on the rows of a layer that have a touched parameter; g (n, d + 1)."""
    if isinstance(layer, Bag):
        update_bag(layer, state, g, touched, optimizer, rate, step)
        return
    for i in np.flatnonzero(touched.any(axis=1)):
        moments, last = [moment[i] for moment in state.moments], int(state.touched[i])
        update_row(layer.rows[i], moments, last, g[i], touched[i], optimizer, rate, step)
        state.touched[i] = step


def update_bag(
    layer: Bag,
    state: State,
    g: np.ndarray,
    touched: np.ndarray,
    optimizer: Optimizer,
    rate: float,
    step: int,
) -> None:
    """Each input is a row without a bias; the biases are a row of their own, due in every step."""
    *held, _ = touched.any(axis=0)
    inputs, all_but_bias = np.flatnonzero(held), np.append(np.ones(len(layer.rows), bool), False)
    for at, own, last, how in [
        *((j, [m[j] for m in state.moments], state.touched[j], optimizer) for j in inputs),
        (-1, [m[0] for m in state.bias.moments], step - 1, replace(optimizer, rowwise=False, l2=0)),
    ]:
        row = np.append(layer.rows[:, at], 0)
        update_row(row, own, int(last), np.append(g[:, at], 0), all_but_bias, how, rate, step)
        layer.rows[:, at] = row[:-1]
    state.touched[inputs] = step
