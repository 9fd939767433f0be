"""Draws docs/performance.svg: processor time of every engine, and latency at one pace."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.engines.rows import Row

PICTURE = Path(__file__).parents[2] / "docs" / "performance.svg"
PACE = "1000/s"
OURS, OTHERS = "#1b6ca8", "#9aa5b1"
SIZE = (9.0, 3.4)  # inches


def draw(rows: Sequence[Row], path: Path = PICTURE) -> None:
    """Write the picture; the same rows give the same bytes."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    style = {"svg.fonttype": "none", "svg.hashsalt": "weir", "font.size": 9}
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=SIZE, layout="constrained")
        costs(left, [row for row in rows if row.load == "catch-up" and row.cpu_us is not None])
        waits(right, [row for row in rows if row.load == PACE and row.p99_ms is not None])
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
    text = path.read_text()
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")


def name(row: Row) -> str:
    """What a bar is called."""
    return row.engine if row.work == "plain" else f"{row.engine}, {row.work}"


def color(row: Row) -> str:
    return OURS if row.engine == "weir" else OTHERS


def costs(axes, rows: list[Row]) -> None:
    """CPU µs an event at catch-up, logarithmic: the dearest costs twenty times the cheapest."""
    rows = sorted(rows, key=lambda row: -row.cpu_us)
    values = [row.cpu_us for row in rows]
    bars = axes.barh([name(row) for row in rows], values, color=[color(row) for row in rows])
    axes.bar_label(bars, [f"{value:.0f}" for value in values], padding=2)
    axes.set_xscale("log")
    axes.set_xlim(10, max(values, default=10) * 2)
    axes.set_xlabel("CPU, µs an event, at catch-up")


def waits(axes, rows: list[Row]) -> None:
    """Median and 99th percentile at one pace, as the two ends of a line."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    rows = sorted(rows, key=lambda row: -row.p99_ms)
    for place, row in enumerate(rows):
        axes.plot([row.p50_ms, row.p99_ms], [place, place], color=color(row), lw=2)
        axes.plot(row.p50_ms, place, "o", color=color(row))
        axes.plot(row.p99_ms, place, "|", color=color(row), ms=12, mew=2)
    axes.set_yticks(range(len(rows)), [name(row) for row in rows])
    axes.set_xscale("log")
    # Powers of ten alone are too few, and all of their multiples run into each other.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"latency, ms, at {PACE}: median to 99 %")
