"""CPU microseconds of one score, one step and one explanation of each entry of the zoo.

    python -m benchmarks.models

Features and grids are those of `app.fraud.features`, values seeded; every model has learned
what is measured before, so that no bin is new. The best of five rounds counts.
"""

from collections.abc import Callable
from random import Random
from time import process_time

from app.core.zoo import ZOO, Model, make_model
from app.fraud.features import GRIDS

ROWS = 2000
ROUNDS = 5

Row = tuple[dict[str, float], bool]


def rows(seed: int) -> list[Row]:
    """Examples with all features, each anywhere on its grid, 1 % of them fraud."""
    random = Random(seed)
    return [
        (
            {name: random.uniform(0.5, 1.1) * random.choice(grid) for name, grid in GRIDS.items()},
            random.random() < 0.01,
        )
        for _ in range(ROWS)
    ]


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
    for x, y in table:
        model.learn_one(x, y)
    return [
        microseconds(lambda row: model.predict_proba_one(row[0]), table),
        microseconds(lambda row: model.learn_one(*row), table),
        microseconds(lambda row: model.contributions_one(row[0]), table),
    ]


def main() -> None:
    table = rows(0)
    print(f"{len(GRIDS)} features   predict    learn  explain  (us)")
    for name in ZOO:
        print(
            "{:12} {:8.1f} {:8.1f} {:8.1f}".format(name, *measure(make_model(name, GRIDS), table))
        )


if __name__ == "__main__":
    main()
