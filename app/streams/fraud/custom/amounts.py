"""Amounts in steps of a factor of 1.41 (half an octave), for rates of words and merchants."""

from bisect import bisect_right

STEPS = 28
# Each the root of two times the one before, from 1 to 8,192; six digits are the same everywhere.
EDGES = tuple(float(f"{2 ** (step / 2):.6g}") for step in range(STEPS - 1))


def step_of(amount: float) -> int:
    """The half-octave of an amount, 0 (below 1) to 27 (8,192 and above).

    >>> step_of(0.5), step_of(1.0), step_of(1.5), step_of(1e9)
    (0, 1, 2, 27)
    """
    return bisect_right(EDGES, amount)
