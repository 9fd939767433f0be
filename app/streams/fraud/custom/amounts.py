"""Amounts by size: half-octaves (a factor of 1.41) for rates, eighths for what is usual."""

from bisect import bisect_right
from math import log

STEPS = 28
# Each the root of two times the one before, from 1 to 8,192; six digits are the same everywhere.
EDGES = tuple(float(f"{2 ** (step / 2):.6g}") for step in range(STEPS - 1))
# Eighths of an octave from 1/128 to 16,777,216, with six digits for the same reason.
FINE = tuple(float(f"{2 ** (eighth / 8):.6g}") for eighth in range(-56, 193))
EIGHTH = log(2) / 8


def step_of(amount: float) -> int:
    """The half-octave of an amount, 0 (below 1) to 27 (8,192 and above).

    >>> step_of(0.5), step_of(1.0), step_of(1.5), step_of(1e9)
    (0, 1, 2, 27)
    """
    return bisect_right(EDGES, amount)


def eighth_of(amount: float) -> int:
    """The eighth of an octave in which an amount lies, 0 (below 1/128) to 249 (above 16 million).

    It is a logarithm in whole numbers, so that sums of it are exact and the same everywhere.

    >>> eighth_of(0.0), eighth_of(1.0), eighth_of(2.0), eighth_of(1e9)
    (0, 57, 65, 249)
    """
    return bisect_right(FINE, amount)
