"""The tables of a report, as text."""

from typing import Any

from app.cli.replay.lived import life_figures_told
from app.figures import share

Models = dict[str, dict[str, Any]]
Row = tuple[str, list[str]]

HEADLINE = (
    ("Average precision", "average_precision", None),
    ("ROC AUC", "roc_auc", None),
    ("Card precision among 100 a day", "card_precision_100", None),
    ("Recall at 0.1 % reviewed", "recall_at_review_rate", "0.001"),
    ("Recall at 0.5 % reviewed", "recall_at_review_rate", "0.005"),
    ("Recall at 1 % reviewed", "recall_at_review_rate", "0.01"),
    ("Recall at 0.1 % false alarms", "tpr_at_fpr", "0.001"),
    ("Recall at 0.5 % false alarms", "tpr_at_fpr", "0.005"),
    ("Recall at 1 % false alarms", "tpr_at_fpr", "0.01"),
    ("Log loss, nats", "log_loss", None),
    ("Brier score", "brier", None),
    ("Alerts", "alerts", None),
    ("Precision of the alerts", "alert_precision", None),
    ("Events a second", "events_per_s", None),
    ("Processor time of an event, µs", "cpu_us_per_event", None),
)
WEEKLY = ("average_precision", "roc_auc", "card_precision_100")


def headline(models: Models) -> list[Row]:
    """One row a figure, with a cell for each model."""
    rows = [
        (title, [text(_look(one, name, at)) for one in models.values()])
        for title, name, at in HEADLINE
    ]
    lives = [one["life"] for one in models.values() if "life" in one]
    if lives:
        rows.insert(0, ("Value caught", [share(life["value_caught"]) for life in lives]))
    return rows


def weekly(models: Models) -> list[tuple[str, str, str, list[list[str]]]]:
    """A row a week: its first day, labels, base rate, and for each figure a cell a model."""
    rows = []
    for same in zip(*(one["by_week"] for one in models.values()), strict=True):
        cells = [[text(week[name]) for week in same] for name in WEEKLY]
        first = same[0]
        rows.append((first["from"], text(first["n"]), text(first["base_rate"]), cells))
    return rows


def life_tables(models: Models) -> list[tuple[str, list[str], list[list[str]]]]:
    """The tables of lives that were played: a title, the names of columns, rows of cells."""
    tables = []
    for name, one in models.items():
        for title, columns, rows in life_figures_told(name, one["life"]) if "life" in one else ():
            cells = [[_cell(row[key]) for key, _ in columns] for row in rows]
            tables.append((title, [head for _, head in columns], cells))
    return tables


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else text(value)


def text(value: float | None) -> str:
    """A figure as people read it.

    >>> text(1234567), text(1234.56), text(0.123456), text(0.0000123), text(None)
    ('1,234,567', '1,235', '0.1235', '1.2e-05', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if 0 < abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.4g}"


def _look(one: dict[str, Any], name: str, at: str | None) -> float | None:
    value = one["metrics"].get(name, one.get(name))
    return value if at is None else value[at]
