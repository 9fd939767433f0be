"""The results that the Fraud Detection Handbook published, beside those of a replay of its data.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud
Detection, 2022. Chapter 3: one test week. Chapter 5: the mean of four, models chosen by the book.
"""

from typing import Any, NamedTuple

from app.cli.replay.result import Outcome
from app.data.quality import mean


class Published(NamedTuple):
    """A model of the Handbook's and its figures."""

    model: str
    roc_auc: float
    average_precision: float
    card_precision_100: float


class Chapter(NamedTuple):
    """What was published about some weeks: the first days of the weeks, the models."""

    title: str
    weeks: tuple[str, ...]
    models: tuple[Published, ...]


CHAPTERS = (
    Chapter(
        "Chapter 3, the week from 2018-08-08",
        ("2018-08-08",),
        (
            Published("decision tree of depth 2", 0.763, 0.496, 0.241),
            Published("logistic regression", 0.871, 0.606, 0.291),
            Published("random forest", 0.867, 0.658, 0.287),
            Published("XGBoost", 0.862, 0.639, 0.273),
        ),
    ),
    Chapter(
        "Chapter 5, validation: mean of the four weeks from 2018-07-04",
        ("2018-07-04", "2018-07-11", "2018-07-18", "2018-07-25"),
        (
            Published("logistic regression", 0.867, 0.613, 0.278),
            Published("random forest", 0.880, 0.694, 0.289),
            Published("XGBoost", 0.886, 0.707, 0.288),
        ),
    ),
    Chapter(
        "Chapter 5, test: mean of the four weeks from 2018-08-08",
        ("2018-08-08", "2018-08-15", "2018-08-22", "2018-08-29"),
        (
            Published("logistic regression", 0.868, 0.623, 0.297),
            Published("random forest", 0.870, 0.678, 0.299),
            Published("XGBoost", 0.872, 0.692, 0.300),
        ),
    ),
)
COMPARED = Published._fields[1:]


class Compared(NamedTuple):
    """A chapter's rows (name, figures, whether it is ours); none of ours without its weeks."""

    title: str
    rows: list[tuple[str, list[float | None], bool]]
    complete: bool


def against(outcome: Outcome) -> list[Compared]:
    """The tables to show: none when the file is another, or known customers were kept."""
    if not outcome.handbook or outcome.found["known_customers"] != "remove":
        return []
    return [_compared(chapter, outcome.models) for chapter in CHAPTERS]


def _compared(chapter: Chapter, models: dict[str, dict[str, Any]]) -> Compared:
    rows: list[tuple[str, list[float | None], bool]] = [
        (published.model, list(published[1:]), False) for published in chapter.models
    ]
    ours = {name: _weeks(chapter, one) for name, one in models.items()}
    complete = all(ours.values())
    for name, weeks in ours.items() if complete else ():
        figures = mean(weeks)
        rows.append((f"Weir, {name}", [figures[key] for key in COMPARED], True))
    return Compared(chapter.title, rows, complete)


def _weeks(chapter: Chapter, model: dict[str, Any]) -> list[dict[str, Any]]:
    """The replay's weeks that are the chapter's; nothing unless it has all of them."""
    weeks = [week for week in model["by_week"] if week["from"] in chapter.weeks]
    return weeks if [week["days"] for week in weeks] == [7] * len(chapter.weeks) else []
