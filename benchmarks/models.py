"""CPU microseconds and, given data, average precision of each entry of the zoo.

    python -m benchmarks.models [handbook_2018-04-01_2018-08-14.parquet]

Microseconds of one score, one step and one explanation: features and grids are those of
`app.fraud.features`, values seeded, frauds among the largest amounts; every model has learned
what is measured before, so that no bin is new and trees have grown. The best of five rounds
counts.

Average precision is the mean over the four weeks 2018-06-20 to 07-17, each score from before
its label, labels 7 days late, learning since 2018-05-01, all entries in one pass (some 15 minutes).
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from time import process_time

from app.core.blend import LogitMean
from app.core.metrics import average_precision
from app.core.zoo import ZOO, Model, make_model
from app.fraud.features import GRIDS
from app.fraud.history import Limits
from benchmarks.history import DAY, ms, scores

ROWS = 2000
ROUNDS = 5
LIMITS = Limits(24, 12, 16)

Row = tuple[dict[str, float], bool]


def rows(seed: int) -> list[Row]:
    """Examples with all features, each anywhere on its grid, about 1 % of them fraud."""
    random = Random(seed)
    table = []
    for _ in range(ROWS):
        x = {name: random.uniform(0.5, 1.1) * random.choice(grid) for name, grid in GRIDS.items()}
        table.append((x, random.random() < (0.6 if x["amount"] > 80_000 else 0.002)))
    return table


def microseconds(run: Callable[[Row], object], table: list[Row]) -> float:
    """Least CPU time of a call over the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = process_time()
        for row in table:
            run(row)
        best = min(best, process_time() - started)
    return best / len(table) * 1e6


def measure(model: Model, table: list[Row]) -> list[float]:
    """Predict, learn and explain."""
    for x, y in table * ROUNDS:
        model.learn_one(x, y)
    learn = microseconds(lambda row: model.learn_one(*row), table)
    return [
        microseconds(lambda row: model.predict_proba_one(row[0]), table),
        learn,
        microseconds(lambda row: model.contributions_one(row[0]), table),
    ]


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


def main(path: Path | None) -> None:
    table = rows(0)
    print(f"{len(GRIDS)} features   predict    learn  explain  (us)")
    for name in ZOO:
        figures = measure(make_model(name, GRIDS), table)
        print("{:12} {:8.1f} {:8.1f} {:8.1f}".format(name, *figures), flush=True)
    for name, precision in (precisions(path) if path else {}).items():
        print(f"{name:12} average precision {precision:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
