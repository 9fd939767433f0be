"""The report of a replay: one HTML file with its charts inside, without scripts."""

from pathlib import Path
from typing import Any

from app import __version__
from app.cli.replay.report.published import against
from app.cli.replay.report.tables import headline, life_tables, weekly
from app.cli.replay.result import Outcome
from app.errors import DataError


def check(path: Path) -> None:
    """Check that a report can be made and written, before the work and not after it.

    Raises
    ------
    DataError
        matplotlib is not there, or nothing can be written at that path.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise DataError(
            "a report needs matplotlib; install it with: pip install 'weir[report]'"
        ) from None
    try:
        path.open("ab").close()
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from None


def write(path: Path, about: dict[str, str], outcome: Outcome) -> None:
    """Write the report of a replay.

    Parameters
    ----------
    about
        What was replayed and how: text by name, shown at the top.
    """
    path.write_text(page(about, outcome), encoding="utf-8")


def page(about: dict[str, str], outcome: Outcome) -> str:
    """The report as HTML."""
    from jinja2 import Environment, FileSystemLoader

    from app.cli.replay.report.charts import charts
    from app.cli.replay.report.life import life_charts

    measured = bool(outcome.found["metrics"]["n"])
    told: dict[str, Any] = {
        "about": about,
        "events": outcome.application.events,
        "positive": outcome.application.labels.word(1),
        "version": __version__,
        "found": outcome.found,
        "models": list(outcome.models),
        "measured": measured,
        "headline": headline(outcome.models),
        "weeks": weekly(outcome.models),
        "published": against(outcome) if measured else [],
        "charts": charts(outcome) | life_charts(outcome) if measured else {},
        "lives": life_tables(outcome.models) if measured else [],
    }
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return pages.get_template("report.html").render(told)
