"""Numbers of options: those that no setting can mean are refused by the option's name."""

from __future__ import annotations

import math
from typing import Any

import click

from ..base.checks import LARGEST_ID, LARGEST_INTEGER


class Finite(click.types.FloatParamType):
    """A number that is neither infinite nor NaN."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Take a number of the command line."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class _Share(Finite, click.FloatRange):
    """A share: above 0, and at most 1."""


FINITE, SHARE = Finite(), _Share(0, 1, min_open=True)
WHOLE = click.IntRange(-LARGEST_ID, LARGEST_ID)
COUNT, FROM_0 = click.IntRange(1, LARGEST_ID), click.IntRange(0, LARGEST_ID)
SEED = click.IntRange(0, LARGEST_INTEGER)
