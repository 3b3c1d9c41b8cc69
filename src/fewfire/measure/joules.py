"""Joules of predictions by a model: a range, from constants that others measured. No measurement.

Operations, of 45 nm at 0.9 V (Horowitz, ISSCC 2014, 1.1): a multiplication of 32-bit floats 3.7 pJ,
an addition 0.9 pJ; 32 bits from 8 KB of SRAM 5 pJ, from 1 MB 50 pJ, from DRAM 640 pJ. Time: a core
of a server that computes, 5 to 10 W, an assumption. The two ends lie far apart, as most of what a
core takes is neither: believe the ratios, and of those the smaller one.
"""

from __future__ import annotations

from typing import NamedTuple

from ..base.ledger import Ledger

MULTIPLICATION, ADDITION = 3.7e-12, 0.9e-12  # J
WORDS = {"8 KB of SRAM": 5e-12, "1 MB of SRAM": 50e-12, "DRAM": 640e-12}  # J for 32 bits
WATTS = (5.0, 10.0)  # of a core


class Range(NamedTuple):
    """From the least to the most."""

    least: float
    most: float


def by_operations(ledger: Ledger, n_examples: int) -> dict[str, float]:
    """Return the joules of an example by its operations alone, and with their bytes read from
    each kind of memory.

    >>> list(by_operations(Ledger.empty(1), 1))
    ['operations', '8 KB of SRAM', '1 MB of SRAM', 'DRAM']
    """
    n = max(1, n_examples)
    alone = ledger.total * (MULTIPLICATION + ADDITION) + ledger.additions * ADDITION
    found = {"operations": alone / n}
    for memory, word in WORDS.items():
        found[memory] = (alone + ledger.bytes / 4 * word) / n
    return found


def by_time(cpu_seconds: float) -> Range:
    """Return the joules of so many seconds of a core.

    >>> by_time(2.0)
    Range(least=10.0, most=20.0)
    """
    return Range(*(cpu_seconds * watts for watts in WATTS))
