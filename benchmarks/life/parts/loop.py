"""A quarter of the Handbook's customers in a closed loop: reviews follow the decisions made.

Twelve reviews a day by highest score, chargebacks of what nobody stopped after 30 days. All is
measured against the truth of all transactions, also of those that nobody ever spoke of.
"""

from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.apps import load
from app.core.messages import Decision
from app.data.life.ageing import Ageing
from app.data.life.playing import Living, hourly
from app.data.life.settings import Life
from app.settings import read_settings
from benchmarks.handbook import online
from benchmarks.handbook.transactions import Flags, Floats, Ints
from benchmarks.life.measured import precision
from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.parts.few import SCENARIO
from benchmarks.life.played import Play
from benchmarks.life.rows import Found, Row, figures, reached
from benchmarks.life.streams import DAY_MS, Stream

SPANS = ((10, 20), (20, 30), (60, 105))  # days since the first decision, those of the aims
FINE = tuple((day, day + 10) for day in range(10, 110, 10))  # of the plot
AIMS = (0.70, 0.70, 0.91)
REVIEWS = 12.0  # a day
PRECISE = 0.95  # blocks in the third month
LESS = 0.02  # than the better of `at once` and `30 d`
SCALE = 1.3  # mean score over base, or the inverse
HOUR_MS = DAY_MS // 24


class Lived(NamedTuple):
    """What was decided in a loop, a value for each transaction in its order."""

    at: Ints  # epoch ms
    fraud: Flags
    kind: Ints
    scores: Floats
    blocked: Flags


class Full(Ageing):
    """All that matures does so at the full age, from the first day on."""

    def decided(self, id: str, key: str, at: int, decision: Decision) -> None:
        """A decision: what is sent to review waits for the full age."""
        super().decided(id, key, at, "review" if decision == "approve" else decision)


class Forgiving(Ageing):
    """Blocked payments mature as approved ones do."""

    def decided(self, id: str, key: str, at: int, decision: Decision) -> None:
        """A decision: none is a block."""
        super().decided(id, key, at, "approve" if decision == "block" else decision)


class Course(NamedTuple):
    """A life, and how its decisions mature."""

    name: str
    life: Life
    ageing: type[Ageing] = Ageing


DEFAULT = Course("default settings", Life(reviews=REVIEWS))
COURSES = (
    DEFAULT,
    Course("never", Life(reviews=REVIEWS, maturity=0)),
    Course("at once", Life(reviews=REVIEWS, maturity=HOUR_MS)),
    Course("30 d", Life(reviews=REVIEWS), Full),
    Course("the whole of what matures", Life(reviews=REVIEWS, share=1.0)),
    Course("blocked payments mature as well", Life(reviews=REVIEWS), Forgiving),
)


def loop(chosen: Chosen) -> Found:
    """The default settings beside other maturities."""
    stream = chosen.stream("quarter")
    many = len(COURSES)
    with ProcessPoolExecutor(chosen.cores, get_context("spawn")) as pool:
        paths = pool.map(lived, [stream] * many, range(many), [chosen.cache] * many)
        found = {one.name: _read(path) for one, path in zip(COURSES, paths, strict=True)}
    by_span = {name: precisions(one, SPANS) for name, one in found.items()}
    scales = {name: scale(one) for name, one in found.items()}
    months = {name: blocks(one) for name, one in found.items()}
    fine = {name: precisions(one, FINE) for name, one in found.items()}
    rows = [
        *_precision_rows(by_span),
        *_scale_rows(scales),
        *_block_rows(months),
    ]
    by_days = {"spans": [list(span) for span in FINE], "precision": fine}
    figures_ = {"precision": by_span, "scale": scales, "blocks": months, "by_days": by_days}
    return Found(rows, figures_)


def lived(stream: Stream, number: int, cache: Path) -> Path:
    """Play a course of COURSES by its number; the file with what was decided."""
    course, code = COURSES[number], Path(__file__).read_bytes() + stream.name.encode()
    path = cache / f"loop-{number}-{sha256(code).hexdigest()[:12]}-{online.digest()}.npz"
    if not path.exists():
        part = path.with_suffix(".part.npz")
        np.savez(part, **_live(stream, course)._asdict())
        part.rename(path)
    return path


def _live(stream: Stream, course: Course) -> Lived:
    application = load(read_settings())
    living = Living(application, course.life)
    living.course._ageing = course.ageing(application, course.life)
    seen = [
        (row.event.at, row.positive, row.kind, one.fresh.score, one.decision == "block")
        for hour in hourly(stream.rows())
        for row, one in zip(hour.rows, living.play(hour).decided, strict=True)
        if one.fresh is not None
    ]
    print(f"  {stream.name}, {course.name}: {len(seen):,} transactions", flush=True)
    at, fraud, kind, scores, blocked = map(np.array, zip(*seen, strict=True))
    return Lived(at, fraud == 1, kind, scores, blocked)


def _read(path: Path) -> Lived:
    with np.load(path) as file:
        return Lived(*(file[name] for name in Lived._fields))


def _within(one: Lived, first: float, end: float) -> Flags:
    """Decisions of these days since the first."""
    day = (one.at - one.at[0]) / DAY_MS
    return np.asarray((day >= first) & (day < end))


def precisions(one: Lived, spans: tuple[tuple[int, int], ...]) -> list[float]:
    play = Play(one.at, one.fraud, one.kind, one.scores, np.empty((0, 0), np.float32), 0.0)
    return [precision(play, _within(one, *span), without=SCENARIO) for span in spans]


def scale(one: Lived) -> float:
    """Mean score over the share of frauds, from day 60 on."""
    late = _within(one, *SPANS[-1])
    return float(one.scores[late].mean() / one.fraud[late].mean())


def blocks(one: Lived) -> list[float | None]:
    """Share of frauds among what was blocked, by months of 30 days; None where nothing was."""
    months = (_within(one, begin, begin + 30) & one.blocked for begin in (0, 30, 60))
    return [float(one.fraud[rows].mean()) if rows.any() else None for rows in months]


def _precision_rows(by_span: dict[str, list[float]]) -> list[Row]:
    own = by_span[DEFAULT.name]
    once, full = by_span["at once"], by_span["30 d"]
    least = [max(pair) - LESS for pair in zip(once, full, strict=True)]
    spans = " / ".join(f"{first}-{end}" for first, end in SPANS)
    title = f"closed loop, quarter, AP without scenario 2, days {spans}"
    rows = [
        Row(f"{title}: aims", ".56; .67; .8", figures(AIMS), figures(own), reached(own, AIMS)),
        Row(f"{title}: same run", "", figures(least), figures(own), reached(own, least)),
    ]
    return [*rows, *(Row(f"  {name}", "", "", figures(by_span[name])) for name in by_span)]


def _scale_rows(scales: dict[str, float]) -> list[Row]:
    own = scales[DEFAULT.name]
    met = 1 / SCALE <= own <= SCALE
    rows = [Row("mean score over base, days 60-105", "x47", f"x{SCALE}", f"x{own:.2f}", met)]
    return [*rows, *(Row(f"  {name}", "", "", f"x{scales[name]:.2f}") for name in scales)]


def _block_rows(months: dict[str, list[float | None]]) -> list[Row]:
    own = months[DEFAULT.name]
    title = "precision of blocks, months 1; 2; 3"
    met = reached(own[-1:], [PRECISE])
    rows = [Row(title, "", f"{PRECISE} in the third", figures(own), met)]
    return [*rows, *(Row(f"  {name}", "", "", figures(months[name])) for name in months)]
