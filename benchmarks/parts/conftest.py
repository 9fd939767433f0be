"""What the benchmarks of the parts share."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Protocol

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from app.streams.fraud.features import FULL
from benchmarks.parts.world import Scene, make_scene

# Transactions, and how many at the end are measured: records are full by then, trees have grown.
SIZE = 20_000, 500
SMALL = 600, 50  # where every part runs just once, to see that it does
ROUNDS = 40  # of a part that must be set up anew for each

Rows = Sequence[tuple[Any, ...]]


class Measure(Protocol):
    """Measures a call of `call` with each of `rows`, together one round.

    Rows that a function gives are made anew before each round, unmeasured: for calls that
    change what they work on. A call takes `each` transactions.
    """

    def __call__(
        self, part: str, call: Callable[..., object], rows: Rows | Callable[[], Rows], each: int = 1
    ) -> None: ...


@pytest.fixture(scope="session")
def scene_of(request: pytest.FixtureRequest) -> Callable[[str], Scene]:
    """The end of simulated traffic, decided and learned with a feature set."""
    size = SMALL if request.config.getoption("benchmark_disable") else SIZE
    return cache(partial(make_scene, *size))


@pytest.fixture(scope="session")
def scene(scene_of: Callable[[str], Scene]) -> Scene:
    """That with all features."""
    return scene_of(FULL.name)


@pytest.fixture
def measure(benchmark: BenchmarkFixture) -> Measure:
    """How a part is measured, and noted for the table."""

    def measured(
        part: str, call: Callable[..., object], rows: Rows | Callable[[], Rows], each: int = 1
    ) -> None:
        def run(rows: Rows) -> int:
            for row in rows:
                call(*row)
            return len(rows)

        if callable(rows):
            done = benchmark.pedantic(run, setup=lambda: ((rows(),), {}), rounds=ROUNDS)
        else:
            done = benchmark(run, rows)
        benchmark.extra_info.update(part=part, rows=done * each)
        assert done

    return measured
