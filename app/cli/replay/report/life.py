"""The charts of lives that were played."""

from typing import Any

from matplotlib.figure import Figure

from app.cli.replay.report.charts import COLOURS, INK, Draw, legend, number, style, svg
from app.cli.replay.result import Outcome


def life_charts(outcome: Outcome) -> dict[str, str]:
    """Each chart by name, as an `svg` element; none where no life was played."""
    if not _lives(outcome):
        return {}
    drawn: dict[str, Draw] = {
        "life_precision": _precision,
        "life_base": _base,
        "life_blocks": _blocks,
        "life_labels": _labels,
    }
    return {name: svg(outcome, draw, 6.4, 3.4) for name, draw in drawn.items()}


def _lives(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {name: one["life"] for name, one in outcome.models.items() if "life" in one}


def _precision(figure: Figure, outcome: Outcome) -> None:
    axes = _lines(figure, outcome, "by_days", "days", "average_precision")
    axes.set(xlabel="days since the first event", ylabel="average precision", ylim=(0, 1.02))


def _base(figure: Figure, outcome: Outcome) -> None:
    axes = _lines(figure, outcome, "by_days", "days", "mean_score_over_base")
    axes.axhline(1, color=INK, alpha=0.4, linewidth=1)
    axes.set(xlabel="days since the first event", ylabel="mean score over base rate")
    axes.set_yscale("log")


def _blocks(figure: Figure, outcome: Outcome) -> None:
    axes = _lines(figure, outcome, "blocks_by_month", "month", "precision_of_blocks")
    axes.set(xlabel="month", ylabel="precision", ylim=(0, 1.02))


def _lines(figure: Figure, outcome: Outcome, table: str, at: str, name: str) -> Any:
    """A line a model: a figure by the rows of a table of lives."""
    axes, places = figure.add_subplot(), list[str]()
    for place, (model, life) in enumerate(_lives(outcome).items()):
        places = [str(row[at]) for row in life[table]]
        values = [number(row[name]) for row in life[table]]
        axes.plot(values, marker="o", markersize=4, label=model, **style(place))
    axes.set_xticks(range(len(places)), places)
    legend(axes, outcome)
    return axes


def _labels(figure: Figure, outcome: Outcome) -> None:
    axes, told = figure.add_subplot(), next(iter(_lives(outcome).values()))["labels_told"]
    weeks = sorted({row["from"] for row in told})
    kinds = sorted({(row["source"], row["label"]) for row in told})
    for place, kind in enumerate(kinds):
        counts = {row["from"]: row["n"] for row in told if (row["source"], row["label"]) == kind}
        values = [counts.get(week, 0) for week in weeks]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(values, marker="o", markersize=3, label=", ".join(kind), color=colour)
    every = max(1, -(-len(weeks) // 6))
    axes.set_xticks(range(0, len(weeks), every), weeks[::every])
    axes.set(xlabel="week from", ylabel="labels", yscale="symlog")
    axes.set_ylim(bottom=0)
    if kinds:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
