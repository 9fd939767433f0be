"""The Handbook's four weeks by its protocol, and 30 % of the frauds never reported."""

from statistics import fmean

from benchmarks.handbook.comparison import Row as Line
from benchmarks.handbook.transactions import Transactions, read_transactions
from benchmarks.handbook.weekly import refit
from benchmarks.handbook.weeks import Week, four_weeks
from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.played import Play, Way
from benchmarks.life.rows import Found, Row, figure, figures, reached

DEFAULT = Way("default settings")
SHARED = Way("scope shared", {"model_scope": "shared"})
UNREPORTED = Way("30 % of frauds never reported", unreported=0.3)


def whole(chosen: Chosen) -> Found:
    """Default settings with both scopes, and XGBoost weekly on the same features."""
    stream = chosen.stream("whole")
    both, shared = chosen.plays((stream, DEFAULT), (stream, SHARED))
    txs, weeks = _weeks(chosen, both)
    peer = refit("weir", txs, both.x, weeks, chosen.cores)
    lines = [_line("scope both", both, weeks), _line("scope shared", shared, weeks), peer]
    aim = chosen.aim(0.768, 0.765)
    before = chosen.aim(0.764, 0.763)
    means = [line.mean.average_precision for line in lines]
    title = f"Handbook whole, {chosen.weeks.name} weeks, mean AP"
    rows = [
        Row(title, figure(before), figure(aim), figure(means[0]), reached(means[:1], [aim])),
        Row(f"{title}, scope shared", "", "", figure(means[1])),
        Row(f"{title}, XGBoost weekly", "", "", figure(means[2])),
    ]
    by_week = {line.name: [one.average_precision for one in line.weeks] for line in lines}
    return Found(rows, {"by_week": by_week})


def unreported(chosen: Chosen) -> Found:
    """The same weeks where 30 % of the frauds are learned as legitimate."""
    (played,) = chosen.plays((chosen.stream("whole"), UNREPORTED))
    _, weeks = _weeks(chosen, played)
    found = [week.average_precision for week in _line("", played, weeks).weeks]
    mean = fmean(found)
    title = f"30 % unreported, {chosen.weeks.name} weeks, mean AP"
    before = ".728" if chosen.validation else ""
    text = f"{figure(mean)} ({figures(found)})"
    rows = [Row(title, before, ".740", text, reached([mean], [0.74]))]
    return Found(rows, {"by_week": {"default settings": found}})


def _weeks(chosen: Chosen, played: Play) -> tuple[Transactions, list[Week]]:
    """The transactions that were played, and the four weeks."""
    columns = read_transactions(chosen.data)
    txs = Transactions(*(column[: len(played.at)] for column in columns))
    return txs, four_weeks(txs, chosen.weeks.first)


def _line(name: str, played: Play, weeks: list[Week]) -> Line:
    return Line(name, [week.quality(played.scores[week.rows]) for week in weeks], "")
