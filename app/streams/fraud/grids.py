"""Bin edges of card features; those that any application may use are in `app.core.grids`."""

from app.core.grids import Grid, evenly, per_decade

THIRDS: Grid = evenly(1 / 6, 4 - 1 / 6, 11)
LABELS: Grid = (0.5, *per_decade(5, 0, 5))
AMOUNTS: Grid = per_decade(80, 0, 5)  # fine: limits and habits cluster at certain amounts
MEANS: Grid = per_decade(4, 0, 4)
SCORES: Grid = (*evenly(-3, 8, 110), 10.0, 15.0, 20.0, 50.0)
KM: Grid = per_decade(5, 0, 4)
KMH: Grid = per_decade(5, 0, 5)
