"""A word that matters, on simulated payments, and one that does not, on the Handbook's."""

import numpy as np

from benchmarks.life.measured import TRIED, days, precision, weekly
from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.parts.few import SCENARIO
from benchmarks.life.parts.whole import DEFAULT
from benchmarks.life.played import Play, Way
from benchmarks.life.rows import Found, Row, figure, figures
from benchmarks.life.streams import DAY_MS, Stream, with_noise
from benchmarks.life.words import START, category_matters

BEHIND = 0.01  # XGBoost with the word, at most
COST = 0.006  # of a noise word, at most
FROM = 45  # days after the start from which the simulated payments are measured
MIDDLE = 80
WORD = '[[word]]\nname = "category"\n'
CUSTOMER = WORD + "customer = true\n"
NOISE = '[[word]]\nname = "noise"\n'
WAYS = (
    DEFAULT,
    Way("with the category", fields=WORD),
    Way("with the category, the customer's as well", fields=CUSTOMER),
)


def word(chosen: Chosen) -> Found:
    """The word that matters: Weir and XGBoost weekly, both with it and without it."""
    stream = category_matters()
    played = chosen.plays(*((stream, way) for way in WAYS))
    found = {f"Weir, {way.name}": _spans(one) for way, one in zip(WAYS, played, strict=True)}
    category = _codes(stream)
    first = START + FROM * DAY_MS
    peers = {
        "without it": (played[0], []),
        "with it": (played[0], [category]),
        "with it and what Weir derives": (played[1], [category]),
    }
    for name, (play, codes) in peers.items():
        for fit in weekly(play, first, TRIED[1:3], codes, chosen.cores):
            found[f"{fit.name}, {name}"] = _spans(play, fit.scores)
    own = found[f"Weir, {WAYS[1].name}"]
    best = max((two for name, two in found.items() if "XGBoost" in name), key=sum)
    met = all(one >= other - BEHIND for one, other in zip(own, best, strict=True))
    title = f"a category that matters, days {FROM} to {MIDDLE}; from then on"
    rows = [
        Row(title, "", f"{figures(best)} (XGBoost) less {BEHIND}", figures(own), met),
        *(Row(f"  {name}", "", "", figures(two)) for name, two in found.items() if two is not own),
    ]
    return Found(rows, {"category": found})


def _spans(play: Play, scores: np.ndarray | None = None) -> list[float]:
    day = (play.at - START) // DAY_MS
    return [
        precision(play, (day >= FROM) & (day < MIDDLE), scores),
        precision(play, day >= MIDDLE, scores),
    ]


def _codes(stream: Stream) -> np.ndarray:
    """The category of each transaction, as a number."""
    names = [row.event.category for row in stream.rows()]  # type: ignore[attr-defined]
    return np.unique(names, return_inverse=True)[1]


def noise(chosen: Chosen) -> Found:
    """What a word costs that says nothing."""
    rows, found = [], {}
    for part in ("eighth", "quarter"):
        stream = chosen.stream(part)
        asked = [(stream, DEFAULT), (with_noise(stream), Way("with noise", fields=NOISE))]
        without, beside = (_two(chosen, one) for one in chosen.plays(*asked))
        cost = [one - other for one, other in zip(without, beside, strict=True)]
        text = f"{figures(without)} to {figures(beside)}: {cost[0]:.4f}; {cost[1]:.4f}"
        title = f"a noise word of 50 values, {part}: what it costs; without scenario 2"
        rows.append(Row(title, "", f"at most {figure(COST)}", text, max(cost) <= COST))
        found[part] = [without, beside]
    return Found(rows, {"noise": found})


def _two(chosen: Chosen, play: Play) -> list[float]:
    rows = days(play, chosen.weeks.few, chosen.weeks.end)
    return [precision(play, rows), precision(play, rows, without=SCENARIO)]
