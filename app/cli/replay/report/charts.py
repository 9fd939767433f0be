"""The charts of a report, as SVG to put into a page. The only place that knows matplotlib."""

import re
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from app.cli.replay.result import Outcome
from app.core.metrics import calibration, precision_recall
from app.data.measured import Table
from app.data.quality import budget_by_day, cards_by_day, date

INK = "#010203"  # replaced by the page's ink, which is light on dark and dark on light
# Of like brightness on white and on black, and told apart by their dashes in print.
COLOURS = ("#0f8b8d", "#d9762b", "#8f63d2", "#c9475a", "#4a7fd0", "#7c8a2a")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "weir",  # the same ids, so the same bytes, for the same data
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": INK,
    "grid.alpha": 0.14,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
POINTS = 400  # of a curve: more cannot be seen
FEATURES = 15
QUANTILES = ((0.5, "half"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"))
FLOOR = 1e-5  # of probabilities on logarithmic axes


def charts(outcome: Outcome) -> dict[str, str]:
    """Each chart by name, as an `svg` element."""
    drawn = {
        "precision_recall": (_precision_recall, 6.4, 4.0),
        "weeks": (_weeks, 6.4, 4.0),
        "cards": (_cards, 6.4, 3.4),
        "budget": (_budget, 6.4, 3.4),
        "calibration": (_calibration, 6.4, 4.4),
        "drift": (_drift, 12.8, 3.4 * _lines(len(outcome.models))),
        "features": (_features, 6.4, 4.4),
        "cost": (_cost, 12.8, 0.9 + 0.35 * len(outcome.models)),
    }
    return {name: svg(outcome, *how) for name, how in drawn.items()}


def _lines(panels: int) -> int:
    """How many lines of two panels."""
    return -(-panels // 2)


Draw = Callable[[Figure, Outcome], None]


def svg(outcome: Outcome, draw: Draw, width: float, height: float) -> str:
    """A drawing as an `svg` element."""
    with rc_context(STYLE):
        figure = Figure((width, height), layout="constrained")
        draw(figure, outcome)
        file = StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawn = file.getvalue().replace(INK, "currentColor")
    drawn = drawn[drawn.index("<svg") :]
    # The page says how wide it is; the box keeps its shape.
    return re.sub(r'(<svg[^>]*?) height="[^"]*"([^>]*?) width="[^"]*"', r"\1\2", drawn, count=1)


def style(place: int) -> dict[str, Any]:
    """Colour and dashes of the line at a place."""
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place % len(DASHES)],
        "linewidth": 1.7,
    }


def legend(axes: Any, outcome: Outcome, **where: Any) -> None:
    """Names of the models, where there are several."""
    if len(outcome.models) > 1 and axes.get_legend_handles_labels()[0]:
        axes.legend(**where)


def _all(outcome: Outcome) -> Table:
    """What is measured in all weeks."""
    return outcome.table.take(np.concatenate([week.rows for week in outcome.weeks]))


def _precision_recall(figure: Figure, outcome: Outcome) -> None:
    axes, table = figure.add_subplot(), _all(outcome)
    for place, name in enumerate(outcome.models):
        curve = precision_recall(table.ys, table.scores[place])
        if curve is not None:
            recall, precision = curve
            at = np.unique(np.searchsorted(recall, np.linspace(0, 1, POINTS)))
            axes.plot(recall[at], precision[at], drawstyle="steps-pre", label=name, **style(place))
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    legend(axes, outcome)


def _weeks(figure: Figure, outcome: Outcome) -> None:
    axes = figure.add_subplot()
    for place, (name, one) in enumerate(outcome.models.items()):
        values = [number(week["average_precision"]) for week in one["by_week"]]
        axes.plot(values, marker="o", markersize=4, label=name, **style(place))
    dates(axes, [week.first for week in outcome.weeks])
    axes.set(xlabel="week from", ylabel="average precision")
    axes.set_ylim(bottom=0)
    legend(axes, outcome)


def _cards(figure: Figure, outcome: Outcome) -> None:
    def of(table: Table, place: int) -> dict[int, float]:
        return cards_by_day(table, place)

    _by_day(figure, outcome, of, "card precision")


def _budget(figure: Figure, outcome: Outcome) -> None:
    def of(table: Table, place: int) -> dict[int, float]:
        return {day.day: number(day.recall) for day in budget_by_day(table, place)}

    _by_day(figure, outcome, of, "recall")


def _by_day(
    figure: Figure, outcome: Outcome, of: Callable[[Table, int], dict[int, float]], label: str
) -> None:
    axes = figure.add_subplot()
    parts = [outcome.table.take(week.rows) for week in outcome.weeks]
    days: list[int] = []
    for place, name in enumerate(outcome.models):
        values = {day: value for part in parts for day, value in of(part, place).items()}
        days = list(values)
        axes.plot(range(len(days)), list(values.values()), label=name, **style(place))
    dates(axes, days)
    axes.set(xlabel="day", ylabel=label)
    axes.set_ylim(bottom=0)
    legend(axes, outcome)


def _calibration(figure: Figure, outcome: Outcome) -> None:
    axes, table = figure.add_subplot(), _all(outcome)
    axes.plot((FLOOR, 1), (FLOOR, 1), color=INK, alpha=0.4, linewidth=1)
    for place, name in enumerate(outcome.models):
        bands = [band for band in calibration(table.ys, table.scores[place]) if band.n]
        said = [max(band.mean_score or 0, FLOOR) for band in bands]
        low, share, high = np.array([_interval(band.share or 0, band.n) for band in bands]).T
        colour = COLOURS[place % len(COLOURS)]
        axes.vlines(said, low, high, color=colour, alpha=0.5)
        axes.plot(said, share, MARKERS[place % len(MARKERS)], color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlim=(FLOOR, 1.3), ylim=(FLOOR, 1.3))
    axes.set(
        xlabel="mean score of a band", ylabel=f"share of {outcome.application.labels.word(1)} in it"
    )
    legend(axes, outcome, loc="upper left")


def _interval(share: float, n: int, z: float = 1.96) -> tuple[float, float, float]:
    """Bounds of a share with 95 % confidence (Wilson, 1927) about it, none below the floor."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(middle - reach, FLOOR), max(share, FLOOR), max(middle + reach, FLOOR)


def _drift(figure: Figure, outcome: Outcome) -> None:
    lines = _lines(len(outcome.models))
    grid = figure.subplots(lines, min(2, len(outcome.models)), sharey=True, squeeze=False)
    weeks = [week for week in outcome.weeks if len(week.rows)]
    for place, (name, axes) in enumerate(zip(outcome.models, grid.flat, strict=False)):
        scores = [outcome.table.scores[place][week.rows] for week in weeks]
        for line, (share, words) in enumerate(QUANTILES):
            values = [np.quantile(part, share) for part in scores]
            axes.plot(values, marker="o", markersize=3, label=words, **style(line))
        axes.set(yscale="log", xlabel="week from", ylabel="score", title=name)
        dates(axes, [week.first for week in weeks])
    for axes in grid.flat[len(outcome.models) :]:
        axes.set_visible(False)
    handles = grid.flat[0].get_lines()[::-1]
    figure.legend(handles=handles, title="scores below", loc="outside right center")


def _features(figure: Figure, outcome: Outcome) -> None:
    axes, count = figure.add_subplot(), len(outcome.models)
    largest: dict[str, float] = {}
    for shares in outcome.contributions:
        for name, share in shares.items():
            largest[name] = max(share, largest.get(name, 0.0))
    names = sorted(largest, key=largest.__getitem__)[-FEATURES:]
    for place, (name, shares) in enumerate(zip(outcome.models, outcome.contributions, strict=True)):
        at = np.arange(len(names)) + 0.4 - 0.8 * (place + 0.5) / count
        widths = [shares.get(feature, 0.0) for feature in names]
        colour = COLOURS[place % len(COLOURS)]
        axes.barh(at, widths, height=0.8 / count, color=colour, label=name)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="mean absolute share of the logit")
    axes.grid(axis="y", visible=False)
    legend(axes, outcome, loc="lower right")


def _cost(figure: Figure, outcome: Outcome) -> None:
    axes, names = figure.add_subplot(), list(outcome.models)
    totals = np.array([one["cpu_us_per_event"] for one in outcome.models.values()])
    reading = np.minimum(outcome.reading_us, totals)
    axes.barh(names, reading, color=INK, alpha=0.35, height=0.6, label="reading the file")
    axes.barh(names, totals - reading, left=reading, color=COLOURS[0], height=0.6, label="model")
    axes.invert_yaxis()
    axes.set(xlabel="µs of processor time an event")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def dates(axes: Any, days: Sequence[int]) -> None:
    """Dates below places 0, 1, 2, ... of an axis: as many as fit."""
    every = max(1, -(-len(days) // 6))
    axes.set_xticks(range(0, len(days), every), [date(day) for day in days[::every]])


def number(value: float | None) -> float:
    """A figure to draw; where there is none, nothing is drawn."""
    return np.nan if value is None else value
