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
FIRST = START + FROM * DAY_MS
SEEDS = range(1, 7)  # one has some 200 frauds in a span: its figures are within .03
WORD = '[[word]]\nname = "category"\n'
CUSTOMER = WORD + "customer = true\n"
NOISE = '[[word]]\nname = "noise"\n'
WAYS = (
    DEFAULT,
    Way("with the category", fields=WORD),
    Way("with the category, the customer's as well", fields=CUSTOMER),
)


def word(chosen: Chosen) -> Found:
    """The word that matters: Weir and XGBoost weekly, over seeds with it, of the first without."""
    streams = [category_matters(seed) for seed in SEEDS]
    plays = chosen.plays(*((stream, WAYS[1]) for stream in streams))
    by_seed = [_beside(chosen, *pair) for pair in zip(streams, plays, strict=True)]
    means = {name: np.mean([found[name] for found in by_seed], axis=0) for name in by_seed[0]}
    own, *peers = means.values()
    best = max(peers, key=sum)
    met = all(one >= other - BEHIND for one, other in zip(own, best, strict=True))
    title = f"a category that matters, days {FROM} to {MIDDLE}; from then on"
    seeds = f"mean of seeds {SEEDS[0]} to {SEEDS[-1]}"
    limit = f"{figures(best)} (XGBoost) less {BEHIND}"
    first = _first(chosen, streams[0])
    rows = [
        Row(f"{title}, {seeds}", "", limit, figures(own), met),
        *(
            Row(f"  seed {seed}, {name}", "", "", figures(two))
            for seed, found in zip(SEEDS, by_seed, strict=True)
            for name, two in found.items()
        ),
        *(Row(f"  seed {SEEDS[0]}, {name}", "", "", figures(two)) for name, two in first.items()),
    ]
    all_means = {name: list(two) for name, two in means.items()}
    return Found(rows, {"category": all_means, "by_seed": by_seed, "seed_1": first})


def _beside(chosen: Chosen, stream: Stream, play: Play) -> dict[str, list[float]]:
    """Weir with the category, first, and XGBoost with it and all that Weir derives."""
    fits = weekly(play, FIRST, TRIED[1:3], [_codes(stream)], chosen.cores)
    peers = {f"{fit.name}, with it and what Weir derives": _spans(play, fit.scores) for fit in fits}
    return {f"Weir, {WAYS[1].name}": _spans(play), **peers}


def _first(chosen: Chosen, stream: Stream) -> dict[str, list[float]]:
    """The customer's part as well, and what there is without the word or what is derived of it."""
    plain, customer = chosen.plays((stream, WAYS[0]), (stream, WAYS[2]))
    found = {
        f"Weir, {WAYS[0].name}": _spans(plain),
        f"Weir, {WAYS[2].name}": _spans(customer),
    }
    for name, codes in (("without it", []), ("with it", [_codes(stream)])):
        for fit in weekly(plain, FIRST, TRIED[1:3], codes, chosen.cores):
            found[f"{fit.name}, {name}"] = _spans(plain, fit.scores)
    return found


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
