"""Arguments of commands: what means nothing is refused in a sentence."""

from collections.abc import Callable

import pytest
import typer

from app.cli.arguments import duration, moment_of, one_of, rate_of


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", ""])
def test_what_is_no_rate_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="max"):
        rate_of(text)


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        pytest.param(lambda: duration("soon"), "'soon' is not a duration", id="duration"),
        pytest.param(lambda: moment_of("soon", 0.0), "'soon' is no time", id="time"),
        pytest.param(lambda: moment_of("2026-01-31", 0.0), "is no time", id="no UTC offset"),
        pytest.param(lambda: one_of("ab", "c"), "'c' must be one of a, b", id="word"),
    ],
)
def test_what_means_nothing_is_refused_in_a_sentence(attempt: Callable[[], object], says: str):
    with pytest.raises(typer.BadParameter, match=says):
        attempt()
