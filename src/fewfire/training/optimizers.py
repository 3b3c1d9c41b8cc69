"""Optimizers, all lazy per row: a row that got no gradient is not touched, and pays the decay it
owes when it is next. Formulae in ``core/optimizer.h``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from .. import _core
from ..base.checks import check_flag, check_number

_BELOW_ONE = 1.0 - 2.0**-24  # from here on float32 rounds to 1


@dataclass(frozen=True)
class _Checked:
    """Rates above 0; decay rates in [0, 1); everything else not negative."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("lr", "eps"):
                check_number(field.name, value, above=0.0)
            elif field.name == "rowwise":
                check_flag(field.name, value)
            elif field.name in ("momentum", "beta1", "beta2", "rho"):
                check_number(field.name, value, low=0.0, below=_BELOW_ONE)
            else:
                check_number(field.name, value, low=0.0)
        lr, l2 = getattr(self, "lr"), getattr(self, "l2")  # noqa: B009
        if lr * l2 >= 1.0:
            raise ValueError(f"lr * l2 must be below 1, got {lr * l2:g}: weights would change sign")


@dataclass(frozen=True)
class SGD(_Checked):
    """Stochastic gradient descent: v = momentum v + g; w -= lr v.

    `l2` is decoupled (Loshchilov & Hutter, ICLR 2019): weights shrink by (1 - lr l2) a step. A row
    that is touched pays what has fallen due since its last touch, in instalments of about 1/256.

    >>> SGD(lr=0.1, momentum=0.9).momentum
    0.9
    """

    lr: float = 0.01
    momentum: float = 0.0
    l2: float = 0.0


@dataclass(frozen=True)
class Adagrad(_Checked):
    """Adagrad (Duchi et al., JMLR 2011): G += g^2; w -= lr g / (sqrt G + eps).

    G starts at `initial`. `rowwise` keeps one G for all weights of a row, the sum of mean g^2: half
    the memory, and a step reads and writes weights only.

    >>> Adagrad(lr=0.02).initial
    0.0
    """

    lr: float = 0.02
    initial: float = 0.0
    eps: float = 1e-8
    l2: float = 0.0
    rowwise: bool = False


@dataclass(frozen=True)
class RMS(_Checked):
    """Lazy RMS: G = rho G + (1 - rho) g^2 when touched; w -= lr g / (sqrt G + eps).

    A parameter that rarely gets a gradient keeps the memory of its last ones. `rowwise` keeps one G
    for all weights of a row, as in `Adagrad`.

    >>> RMS(lr=0.0005).rho
    0.999
    """

    lr: float = 0.0005
    rho: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    rowwise: bool = False


@dataclass(frozen=True)
class Adam(_Checked):
    """Adam (Kingma & Ba, ICLR 2015), lazy per row.

    Moments decay for missed steps when a row is next touched, so with dense inputs they are those
    of the dense sweep; the weights do not move in between. `rowwise` keeps one second moment for
    all weights of a row.

    >>> Adam().beta2
    0.999
    """

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    rowwise: bool = False


Optimizer = SGD | Adagrad | RMS | Adam
OPTIMIZERS: dict[str, type[Optimizer]] = {kind.__name__: kind for kind in (SGD, Adagrad, RMS, Adam)}


def core_optimizer(optimizer: Optimizer) -> _core.Optimizer:
    """Return the core's optimizer with these settings."""
    passed: dict[str, Any] = {
        field.name: getattr(optimizer, field.name)
        for field in fields(optimizer)
        if field.name not in ("lr", "initial")
    }
    kind = type(optimizer).__name__.lower()
    return _core.Optimizer(kind, **passed, l2_period=_l2_period(optimizer))


def _l2_period(optimizer: Optimizer) -> int:
    """Steps between two instalments of the decay, so that one takes about 1/256 of a weight."""
    decay = optimizer.lr * optimizer.l2
    return round(min(max(1.0, 2**-8 / decay), 2.0**31)) if decay > 0 else 1
