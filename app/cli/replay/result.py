"""The result of a replay: as JSON and in words."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from app.cli.replay.lived import life_words
from app.cli.replay.play import Played, Player
from app.core.domain import Application
from app.data.life.figures import life_figures
from app.data.life.witness import Witness
from app.data.measured import Measured, Table, Week
from app.data.quality import quality

HANDBOOK = "Fraud Detection Handbook"  # the data set with a protocol and published results
NOTHING_KNOWN = "No label of a decision in that span became known: nothing is measured."


class Outcome(NamedTuple):
    """What was measured: packed, and as figures for JSON.

    `models` are the figures of each model by its name. `contributions` has for each the mean
    share of each feature, see `Player.contributions`; `reading_us` is the processor time of an
    event that no model took.
    """

    application: Application
    table: Table
    weeks: list[Week]
    shared: dict[str, Any]
    models: dict[str, dict[str, Any]]
    contributions: list[dict[str, float]]
    reading_us: float
    handbook: bool

    @property
    def found(self) -> dict[str, Any]:
        """The first model's figures, and where there are several all of them by name."""
        first = next(iter(self.models.values()))
        several = {"models": self.models} if len(self.models) > 1 else {}
        return first | self.shared | several


def outcome(played: Played, remove: bool, handbook: bool) -> Outcome:
    """Measure what was played.

    Parameters
    ----------
    remove
        Whether keys known to be positive are left out.
    handbook
        Whether the file is the Handbook's data set.
    """
    table = played.measured.table()
    weeks = played.measured.weeks(table, remove)
    models = {
        player.name: _of_model(played, player)
        | quality(table, weeks, place)
        | _of_life(played.measured, table, place)
        for place, player in enumerate(played.players)
    }
    first = next(iter(models.values()))
    left_out = sum(week.left_out for week in weeks)
    shared = {
        "labels": played.measured.labels,
        "known_customers": "remove" if remove else "keep",
        "left_out": left_out,
    }
    return Outcome(
        played.application,
        table,
        weeks,
        shared,
        models,
        [player.contributions() for player in played.players],
        1e6 * played.cpu / max(first["rows"], 1),
        handbook,
    )


def _of_life(measured: Measured, table: Table, place: int) -> dict[str, Any]:
    if not isinstance(measured, Witness):
        return {}
    return {"life": life_figures(table, measured.facts(), place)}


def _of_model(played: Played, player: Player) -> dict[str, Any]:
    rows = player.replay.decided
    return {
        "rows": rows,
        "learned": player.replay.state.version,
        "repeated": player.replay.repeated,
        "refused_labels": player.replay.refused,
        "events_per_s": round(rows / max(played.wall + player.wall, 1e-9), 1),
        "cpu_us_per_event": round(1e6 * (played.cpu + player.cpu) / max(rows, 1), 1),
    }


def words(outcome: Outcome) -> Iterator[str]:
    """The result as lines of text."""
    found, models, application = outcome.found, outcome.models, outcome.application
    for name, one in models.items():
        yield (
            f"{name}: {one['rows']:,} {application.events} decided, "
            f"{one['learned']:,} labels learned, {one['events_per_s']:,.0f}/s, "
            f"{one['cpu_us_per_event']:.0f} us of processor time each."
        )
    yield from _remarks(found, application)
    if not found["metrics"]["n"]:
        yield NOTHING_KNOWN if found["labels"] else nothing_said(application)
        return
    if len(models) > 1:
        yield " " * 28 + "".join(f"{name:>14}" for name in models)
    tables = [dict(_flat(one["metrics"])) for one in models.values()]
    for name in tables[0]:
        yield f"{name:>28}" + "".join(f"{_figure(table[name]):>14}" for table in tables)
    for name, one in models.items():
        if "life" in one:
            yield from life_words(name, one["life"])


def nothing_said(application: Application) -> str:
    """Why nothing is measured of a file without labels."""
    return (
        f"The file does not say which {application.events} are {application.labels.word(1)}: "
        "nothing is learned or measured."
    )


def _remarks(found: dict[str, Any], application: Application) -> Iterator[str]:
    if found["known_customers"] == "remove":
        yield (
            f"Left out: {found['left_out']:,} decisions on {application.key}s who were known to "
            "be compromised (--known-customers keep measures them)."
        )
    if found["repeated"]:
        yield (
            f"{application.events.capitalize()} with the id of an earlier one, whose decision "
            f"they repeat: {found['repeated']:,}."
        )
    if found["refused_labels"]:
        yield (
            f"Labels without effect, because their id belongs to another {application.key}: "
            f"{found['refused_labels']:,}."
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
