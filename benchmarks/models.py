"""Average precision of each entry of the zoo, on the Handbook's transactions.

    python -m benchmarks.models handbook_2018-04-01_2018-08-14.parquet

The mean over the four weeks 2018-06-20 to 07-17, each score from before its label, labels 7 days
late, learning since 2018-05-01, all entries in one pass (some 15 minutes). What they cost is
measured by `benchmarks.parts`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from app.core.metrics import average_precision
from app.core.models.blend import LogitMean
from app.core.models.zoo import ZOO, make_model
from app.streams.fraud.features import GRIDS
from app.streams.fraud.history.record import Limits
from benchmarks.history import DAY, ms, scores

LIMITS = Limits(24, 12, 16)


class Together(LogitMean):
    """Every entry of the zoo; the logits that each answered with are kept."""

    def __init__(self) -> None:
        super().__init__(**{name: make_model(name, GRIDS) for name in ZOO})
        self.logits: dict[str, list[float]] = {name: [] for name in ZOO}

    def logit_one(self, x: Mapping[str, float]) -> float:
        for name, model in self.models.items():
            self.logits[name].append(model.logit_one(x))
        return 0.0


def precisions(path: Path) -> dict[str, float]:
    """Mean over four weeks of the average precision of each entry."""
    together = Together()
    ats, frauds, _ = zip(*scores(path, LIMITS, together), strict=True)
    weeks = [(at - ms(6, 20)) // (7 * DAY) for at in ats]

    def of_week(week: int, logits: list[float]) -> float:
        rows = zip(weeks, frauds, logits, strict=True)
        chosen = [(fraud, logit) for when, fraud, logit in rows if when == week]
        return average_precision(*zip(*chosen, strict=True)) or 0.0

    return {
        name: sum(of_week(week, logits) for week in range(4)) / 4
        for name, logits in together.logits.items()
    }


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("name the file: python -m benchmarks.models FILE")
    for name, precision in precisions(Path(arguments[0])).items():
        print(f"{name:12} average precision {precision:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
