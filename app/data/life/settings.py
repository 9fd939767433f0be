"""How people behave in a life that is played."""

from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal, get_args

from app.errors import DataError
from app.units import DAY_MS, HOUR_MS, MINUTE_MS

Strategy = Literal["risk", "risk+random", "uncertain"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


@dataclass(frozen=True)
class Life:
    """Who reviews how much, what they overlook, and when others complain. Times are ms.

    Parameters
    ----------
    reviews
        Events that the team looks at on a day; any number, also none.
    strategy
        Which ones: those of the highest score, nine of ten of those and one at random, or those
        whose score is nearest to a half.
    chargebacks
        After how long a positive that nobody stopped is reported, on average.
    spread
        How far delays lie about that, as a share of it: each takes (1 - spread) to (1 + spread).
    missed
        Share of the positives that are never reported, unless a review finds them.
    maturity
        Age at which what nobody spoke of counts as negative; 0 for never.
    share
        Share of those that is learned, a power of two; each has the inverse as its weight.
    horizon
        Age from which decisions and labels are forgotten.
    actors
        Analysts in the team.
    wrong
        Share of their answers that are not the truth.
    complain
        Share of the negatives that were blocked whose owners say so.
    quickest, slowest
        How long an answer takes.
    seed
        Of all chances. They depend on it and on ids alone.

    Raises
    ------
    DataError
        Names the option that cannot be used.
    """

    reviews: float = 50.0
    strategy: Strategy = "risk"
    chargebacks: int = 30 * DAY_MS
    spread: float = 0.1
    missed: float = 0.0
    maturity: int = 30 * DAY_MS
    share: float = 0.25
    horizon: int = 120 * DAY_MS
    actors: int = 3
    wrong: float = 0.0
    complain: float = 0.3
    quickest: int = MINUTE_MS
    slowest: int = HOUR_MS
    seed: int = 1

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise DataError(
                f"--strategy {self.strategy} is not known; there are {', '.join(STRATEGIES)}"
            )
        for name in ("missed", "share", "wrong", "complain", "spread"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"--{name} {getattr(self, name):g} is no share between 0 and 1")
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) and not (isfinite(value) and value >= 0):
                raise DataError(f"--{field.name} {value:g} must not be negative")
        latest = {"maturity": self.maturity, "chargebacks": self.chargebacks * (1 + self.spread)}
        for name, age in latest.items():
            if age >= self.horizon:
                later = f", and {self.spread:.0%} more," if name == "chargebacks" else ""
                raise DataError(
                    f"--{name} {getattr(self, name) / DAY_MS:g}d{later} has to be shorter than "
                    f"WEIR_HORIZON, {self.horizon / DAY_MS:g} days, after which decisions and "
                    "labels are forgotten"
                )
        if self.actors < 1:
            raise DataError(f"--actors {self.actors} leaves nobody to answer")

    @property
    def longest(self) -> int:
        """After what time, at the latest, nothing more is said of an event."""
        slowest = DAY_MS + self.slowest
        return max(round(self.chargebacks * (1 + self.spread)), self.maturity, slowest) + DAY_MS
