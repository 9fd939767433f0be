"""An eighth and a quarter of the Handbook's customers: few frauds."""

from benchmarks.handbook.weeks import number
from benchmarks.life.measured import days, precision, weekly
from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.parts.whole import DEFAULT, SHARED
from benchmarks.life.played import Play, Way
from benchmarks.life.rows import Found, Row, figures, reached
from benchmarks.life.streams import DAY_MS

AIMS = (0.77, 0.89)  # of all, and without scenario 2
WORSE = 0.002  # that scope both may be, on any stream
BINNED = Way("binned", {"model": "binned"})
BINNED_SHARED = Way("binned, scope shared", {"model": "binned", "model_scope": "shared"})
SCENARIO = 2  # merchants in a fraudster's hands: the labels of others give them away


def few(chosen: Chosen) -> Found:
    """The eighth: default settings beside XGBoost weekly; both scopes on eighth and quarter."""
    first = number(chosen.weeks.few) * DAY_MS
    ways = [DEFAULT, SHARED, BINNED, BINNED_SHARED]
    eighth, quarter = chosen.stream("eighth"), chosen.stream("quarter")
    asked = [*((eighth, way) for way in ways), (quarter, DEFAULT), (quarter, SHARED)]
    played = chosen.plays(*asked)
    found = {way.name: _two(chosen, one) for way, one in zip(ways, played[:4], strict=True)}
    rows_of = days(played[0], chosen.weeks.few, chosen.weeks.end)
    for fit in weekly(played[0], first, cores=chosen.cores):
        found[fit.name] = [
            precision(played[0], rows_of, fit.scores),
            precision(played[0], rows_of, fit.scores, SCENARIO),
        ]
    own = found[DEFAULT.name]
    peers = [found[name] for name in found if name.startswith("XGBoost")]
    best = [max(column) for column in zip(*peers, strict=True)]
    title = f"eighth, from {chosen.weeks.few} to before {chosen.weeks.end}; without scenario 2"
    before = ".740; .780" if chosen.validation else ""
    met = reached(own, [max(pair) for pair in zip(AIMS, best, strict=True)])
    rows = [
        Row(title, before, f"{figures(AIMS)}, XGBoost's", figures(own), met),
        *(Row(f"  {name}", "", "", figures(two)) for name, two in found.items() if two is not own),
    ]
    quarters = [_two(chosen, one) for one in played[4:]]
    for part, (both, shared) in {
        "eighth": (own, found[SHARED.name]),
        "quarter": quarters,
    }.items():
        rows.append(_scopes(part, both, shared))
    return Found(rows, {"precision": found, "quarter": quarters})


def _scopes(part: str, both: list[float], shared: list[float]) -> Row:
    """Scope both beside shared."""
    less = [one - other for one, other in zip(both, shared, strict=True)]
    text = f"{figures(both)} less {figures(shared)}: {less[0]:+.4f}; {less[1]:+.4f}"
    return Row(f"scope both less shared, {part}", "", f"-{WORSE}", text, min(less) >= -WORSE)


def _two(chosen: Chosen, play: Play) -> list[float]:
    rows = days(play, chosen.weeks.few, chosen.weeks.end)
    return [precision(play, rows), precision(play, rows, without=SCENARIO)]
