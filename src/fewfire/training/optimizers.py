"""Optimizers, all lazy per row: a row that got no gradient is not touched, and pays the decay it
owes when it is next. Formulae in ``core/optimizer.h``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from .. import _core
from ..base.checks import check_flag, check_number
from ..base.options import Options, option

_BELOW_ONE = 1.0 - 2.0**-24  # from here on float32 rounds to 1
_LEAST = 2.0**-126  # the smallest float32 that is not rounded off


def _positive(default: float) -> Any:
    return option(default, check_number, low=_LEAST)


def _not_negative(default: float) -> Any:
    return option(default, check_number, low=0.0)


def _decay(default: float) -> Any:
    return option(default, check_number, low=0.0, below=_BELOW_ONE)


@dataclass(frozen=True)
class _Decayed(Options):
    """What has a rate and a decay that fit each other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        lr, l2 = getattr(self, "lr"), getattr(self, "l2")  # noqa: B009
        if lr * l2 >= 1.0:
            raise ValueError(f"lr * l2 must be below 1, got {lr * l2:g}: weights would change sign")


@dataclass(frozen=True)
class _Centred(_Decayed):
    """What can learn as if the mean input of a layer had been taken from every input."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if getattr(self, "centred") and not getattr(self, "rowwise"):  # noqa: B009
            raise ValueError("centred updates want one moment a row: add rowwise=True")


@dataclass(frozen=True)
class SGD(_Decayed):
    """Stochastic gradient descent: v = momentum v + g; w -= lr v.

    `l2` is decoupled (Loshchilov & Hutter, ICLR 2019): weights shrink by (1 - lr l2) a step. A row
    that is touched pays what has fallen due since its last touch, in instalments of about 1/256.

    >>> SGD(lr=0.1, momentum=0.9).momentum
    0.9
    """

    lr: float = _positive(0.01)
    momentum: float = _decay(0.0)
    l2: float = _not_negative(0.0)


@dataclass(frozen=True)
class Adagrad(_Centred):
    """Adagrad (Duchi et al., JMLR 2011): G += g^2; w -= lr g / (sqrt G + eps).

    G starts at `initial`. `rowwise` keeps one G for all weights of a row, the sum of mean g^2: half
    the memory, and a step reads and writes weights only. `centred`, row-wise only, lets rows learn
    as if the mean input of their layer had been taken from every input. It costs what sparse inputs
    cost (docs/design.md): the mean input of a gated layer would else decide which rows win.

    >>> Adagrad(lr=0.02).initial
    0.0
    """

    lr: float = _positive(0.02)
    initial: float = _not_negative(0.0)
    eps: float = _positive(1e-8)
    l2: float = _not_negative(0.0)
    rowwise: bool = option(False, check_flag)
    centred: bool = option(False, check_flag)


@dataclass(frozen=True)
class RMS(_Centred):
    """Lazy RMS: G = rho G + (1 - rho) g^2 when touched; w -= lr g / (sqrt G + eps).

    A parameter that rarely gets a gradient keeps the memory of its last ones. `rowwise` keeps one G
    for all weights of a row, which starts at the mean of its first g^2; `centred` takes mean inputs
    away, as in `Adagrad`.

    >>> RMS(lr=0.0005).rho
    0.999
    """

    lr: float = _positive(0.0005)
    rho: float = _decay(0.999)
    eps: float = _positive(1e-8)
    l2: float = _not_negative(0.0)
    rowwise: bool = option(False, check_flag)
    centred: bool = option(False, check_flag)


@dataclass(frozen=True)
class Adam(_Decayed):
    """Adam (Kingma & Ba, ICLR 2015), lazy per row.

    Moments decay for missed steps when a row is next touched, so with dense inputs they are those
    of the dense sweep; the weights do not move in between. `rowwise` keeps one second moment for
    all weights of a row.

    >>> Adam().beta2
    0.999
    """

    lr: float = _positive(0.001)
    beta1: float = _decay(0.9)
    beta2: float = _decay(0.999)
    eps: float = _positive(1e-8)
    l2: float = _not_negative(0.0)
    rowwise: bool = option(False, check_flag)


Optimizer = SGD | Adagrad | RMS | Adam
OPTIMIZERS: dict[str, type[Optimizer]] = {kind.__name__: kind for kind in (SGD, Adagrad, RMS, Adam)}


def core_optimizer(optimizer: Optimizer) -> _core.Optimizer:
    """Return the core's optimizer with these settings."""
    passed: dict[str, Any] = {
        field.name: getattr(optimizer, field.name)
        for field in fields(optimizer)
        if field.name not in ("lr", "initial", "centred")
    }
    kind = type(optimizer).__name__.lower()
    return _core.Optimizer(kind, **passed, l2_period=_l2_period(optimizer))


def _l2_period(optimizer: Optimizer) -> int:
    """Steps between two instalments of the decay, so that one takes about 1/256 of a weight."""
    decay = optimizer.lr * optimizer.l2
    return round(min(max(1.0, 2**-8 / decay), 2.0**31)) if decay > 0 else 1
