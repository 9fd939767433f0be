"""What was measured so far: tables that are printed at once, and all of it for JSON."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from benchmarks.handbook import tables
from benchmarks.handbook.baselines import Fold
from benchmarks.handbook.comparison import Row
from benchmarks.handbook.weekly import Settings
from benchmarks.handbook.weeks import Quality, mean


class Report:
    """Tables and figures in the order in which they were found."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"seconds": {}, "chapters": []}
        self._markdown: list[str] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Announces a part of the work and says how long it took."""
        print(f"== {name}", flush=True)
        started = perf_counter()
        yield
        took = round(perf_counter() - started, 1)
        self.values["seconds"][name] = took
        print(f"   took {took:.0f} s\n", flush=True)

    def chapter(self, fold: Fold, measured: dict[str, Quality]) -> None:
        """A table of the Handbook's."""
        self._add(fold.title, tables.chapter(fold, measured))
        models = {
            name: {"measured": quality._asdict(), "published": fold.published[name]._asdict()}
            for name, quality in measured.items()
        }
        self.values["chapters"].append(
            {"title": fold.title, "same_weeks": fold.same, "models": models}
        )

    def compared(self, weeks: Sequence[str], peers: Sequence[Row], rows: Sequence[Row]) -> None:
        """Models beside their peers on the weeks that begin on these days."""
        everyone = [*peers, *rows]
        self._add("Mean of the four weeks", tables.summary(everyone))
        self._add("Average precision by week", tables.by_week(everyone, weeks))
        self._add(
            "Difference in average precision, mean of the weeks ± its standard error",
            tables.paired(rows, peers),
        )
        self.values["weeks"] = list(weeks)
        self.values["models"] = tables.as_json(everyone, peers)

    def tuned(
        self, name: str, settings: Sequence[Settings], found: Sequence[Sequence[Quality]]
    ) -> None:
        """What settings of XGBoost give, best last."""
        by_precision = sorted(
            zip(map(mean, found), map(str, settings), strict=True),
            key=lambda pair: pair[0].average_precision,
        )
        self._add(name, tables.tuning([(text, quality) for quality, text in by_precision]))
        self.values.setdefault("tuned", {})[name] = {
            text: quality._asdict() for quality, text in by_precision
        }

    def markdown(self) -> str:
        """All tables."""
        return "\n".join(self._markdown)

    def _add(self, title: str, table: tables.Table) -> None:
        print(f"{title}\n\n{tables.text(table)}\n", flush=True)
        self._markdown.append(f"{title}\n\n{tables.markdown(table)}\n")
