"""Plots for docs/learning.md: bars of average precision, and lines over the days."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS, OTHERS = "#1b6ca8", "#9aa5b1"
COLORS = (OURS, "#d1495b", "#9aa5b1", "#66a182", "#edae49")
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "weir", "font.size": 9}


def draw(figures: Mapping[str, Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write a picture of each part that has one; the same figures give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if "few" in figures:
        groups = {"all frauds": 0, "without scenario 2": 1}
        bars(figures["few"]["precision"], groups, folder / "life-few.svg")
        written.append(folder / "life-few.svg")
    if "word" in figures:
        groups = {"days 45 to 80": 0, "days 80 to 120": 1}
        bars(figures["word"]["category"], groups, folder / "life-word.svg")
        written.append(folder / "life-word.svg")
    if "loop" in figures:
        lines(figures["loop"]["by_days"], folder / "life-loop.svg")
        written.append(folder / "life-loop.svg")
    return written


def bars(values: Mapping[str, Sequence[float]], groups: Mapping[str, int], path: Path) -> None:
    """A panel for each group, a bar for each model."""
    pyplot = _pyplot()
    with pyplot.rc_context(STYLE):
        size = (9.0, 0.6 + 0.28 * len(values))
        figure, panels = pyplot.subplots(
            1, len(groups), figsize=size, layout="constrained", sharey=True
        )
        names = list(values)[::-1]
        for axes, (title, place) in zip(panels, groups.items(), strict=True):
            heights = [values[name][place] for name in names]
            colors = [OTHERS if name.startswith("XGBoost") else OURS for name in names]
            drawn = axes.barh(names, heights, color=colors)
            axes.bar_label(drawn, [f"{value:.3f}" for value in heights], padding=2)
            axes.set_xlim(max(0.0, min(heights) - 0.15), max(heights) + 0.05)
            axes.set_title(title)
            axes.set_xlabel("average precision")
        _save(figure, panels, path)


def lines(by_days: Mapping[str, Any], path: Path) -> None:
    """A line for each name over the middle of its spans of days."""
    pyplot = _pyplot()
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(9.0, 3.2), layout="constrained")
        middles = [(first + last) / 2 for first, last in by_days["spans"]]
        for place, (name, values) in enumerate(by_days["precision"].items()):
            color = COLORS[place % len(COLORS)]
            axes.plot(middles, values, "o-", ms=3, color=color, label=name)
        axes.set_xlabel("days since the first decision")
        axes.set_ylabel("average precision")
        axes.legend(frameon=False)
        _save(figure, [axes], path)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, panels: Sequence[Any], path: Path) -> None:
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    _pyplot().close(figure)
    text = path.read_text()
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")
