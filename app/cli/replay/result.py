"""The result of a replay: as JSON and in words."""

from collections.abc import Iterator
from typing import Any

from app.cli.replay.play import Played
from app.data.quality import quality

NOTHING_SAID = "The file does not say which transactions are fraud: nothing is learned or measured."
NOTHING_KNOWN = "No label of a decision in that span became known: nothing is measured."


def result(played: Played, remove: bool) -> dict[str, Any]:
    """What was measured, for JSON: of the first model, and by name where there are several.

    Parameters
    ----------
    remove
        Whether customers known to be compromised are left out.
    """
    table = played.measured.table()
    weeks = played.measured.weeks(table, remove)
    found = {}
    for place, player in enumerate(played.players):
        rows = player.replay.decided
        found[player.name] = {
            "rows": rows,
            "learned": player.account.state.version,
            "repeated": player.replay.repeated,
            "refused_labels": player.replay.refused,
            "left_out": sum(week.left_out for week in weeks),
            "events_per_s": round(rows / max(played.wall + player.wall, 1e-9), 1),
            "cpu_us_per_event": round(1e6 * (played.cpu + player.cpu) / max(rows, 1), 1),
            **quality(table, weeks, place),
        }
    first = next(iter(found.values()))
    shared = {"known_customers": "remove" if remove else "keep", "labels": played.labels}
    return first | shared | ({"models": found} if len(found) > 1 else {})


def words(found: dict[str, Any]) -> Iterator[str]:
    """The result as lines of text."""
    models = found.get("models", {"": found})
    for name, one in models.items():
        yield (
            f"{name + ': ' if name else ''}{one['rows']:,} transactions decided, "
            f"{one['learned']:,} labels learned, {one['events_per_s']:,.0f}/s, "
            f"{one['cpu_us_per_event']:.0f} us of processor time for each transaction."
        )
    yield from _remarks(found)
    if not found["metrics"]["n"]:
        yield NOTHING_KNOWN if found["labels"] else NOTHING_SAID
        return
    if len(models) > 1:
        yield " " * 28 + "".join(f"{name:>14}" for name in models)
    tables = [dict(_flat(one["metrics"])) for one in models.values()]
    for name in tables[0]:
        yield f"{name:>28}" + "".join(f"{_figure(table[name]):>14}" for table in tables)


def _remarks(found: dict[str, Any]) -> Iterator[str]:
    if found["known_customers"] == "remove":
        yield (
            f"Left out: {found['left_out']:,} decisions on customers who were known to be "
            "compromised (--known-customers keep measures them)."
        )
    if found["repeated"]:
        yield f"{found['repeated']:,} transactions repeat the id, and the decision, of another."
    if found["refused_labels"]:
        yield (
            f"{found['refused_labels']:,} labels teach nothing: their transaction's id is that of "
            "another customer's transaction."
        )


def _flat(figures: dict[str, Any]) -> Iterator[tuple[str, float | None]]:
    """Figures by name, those at several values one by one."""
    for name, value in figures.items():
        if isinstance(value, dict):
            for at, one in value.items():
                yield f"{name} {at}", one
        else:
            yield name, value


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.5f}"
