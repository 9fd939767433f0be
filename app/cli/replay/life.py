"""The options of `weir replay` that play a life."""

import re
from collections.abc import Mapping
from typing import Any

import typer

from app.cli.arguments import duration
from app.core.domain import Application
from app.data.files import Dataset
from app.data.life.settings import Life
from app.errors import DataError
from app.settings import read_settings
from app.units import DAY_MS

HOURS = {"h": 1, "d": 24, "w": 168}
LOOKED_AT = 10_000  # events of which one has to say whether it is positive


def life_of(given: Mapping[str, Any], label_delay: str | None, unreported: float) -> Life | None:
    """The life that options ask for, those that were given by name; None where none was.

    Raises
    ------
    BadParameter
        An option means nothing, or nothing beside a life.
    DataError
        A value is out of bounds.
    SettingsError
        WEIR_MATURITY or another setting cannot be used.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    if not chosen:
        return None
    if label_delay is not None:
        raise typer.BadParameter("where life is played --chargebacks stands for --label-delay")
    if unreported:
        raise typer.BadParameter("where life is played --missed stands for --unreported")
    settings = read_settings()
    if "reviews" in chosen:
        chosen["reviews"] = reviews_of(chosen["reviews"])
    for name in ("chargebacks", "maturity"):
        if name in chosen:
            chosen[name] = round(duration(chosen[name], f"--{name}") * 1000)
    chosen.setdefault("maturity", round(settings.maturity * 1000))
    horizon = round(settings.horizon * 1000)
    return Life(share=settings.maturity_share, horizon=horizon, **chosen)


def reviews_of(text: str) -> float:
    """Events a day that a team reviews.

    >>> reviews_of("50/d"), reviews_of("2/h"), reviews_of("35/w")
    (50.0, 48.0, 5.0)
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)/([hdw])", text.strip())
    if match is None:
        raise typer.BadParameter(
            f"--reviews {text!r} is no number of reviews in a time; write 50/d, 2/h or 100/w"
        )
    return float(match[1]) * 24 / HOURS[match[2]]


def check_labels(source: Dataset, application: Application) -> None:
    """Check that a file tells the truth, before the work and not after it. Raises DataError."""
    if all(row.positive is None for row in source.sample(LOOKED_AT)):
        raise DataError(
            f"{source.name} does not say which {application.events} are "
            f"{application.labels.word(1)}, so nobody in a life could find out"
        )


def lived(life: Life, application: Application) -> dict[str, str]:
    """How a life is played, for people."""
    positive, negative = map(application.labels.word, (1, 0))
    return {
        "Reviews": f"{life.reviews:g} a day, strategy {life.strategy}",
        "Analysts": f"{life.actors}, wrong in {life.wrong:.0%} of their answers",
        "Chargebacks": f"after about {life.chargebacks / DAY_MS:g} days",
        f"Share of {positive} never reported": f"{life.missed:.0%}",
        f"Share of blocked {negative} that complain": f"{life.complain:.0%}",
        "Maturity": _maturity(life),
        "Seed": str(life.seed),
    }


def _maturity(life: Life) -> str:
    if not life.maturity:
        return "off"
    return f"up to {life.maturity / DAY_MS:g} days, {life.share:.0%} of them learned"
