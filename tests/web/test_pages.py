"""Templates: where they are found, and how values are written."""

import pytest
from jinja2 import UndefinedError

from app.apps import load
from app.settings import read_settings
from app.web.pages import DASH, templates
from tests.web import readings


def test_an_application_replaces_a_template_by_one_of_its_own() -> None:
    cards, machines = (
        templates(made(read_settings()), ["things"]) for made in (load, readings.application)
    )
    assert "Payment" in cards.loader.get_source(cards, "facts.html")[0]
    assert "Payment" not in machines.loader.get_source(machines, "facts.html")[0]
    assert cards.get_template("base.html").render() == machines.get_template("base.html").render()


def test_a_value_that_is_not_there_is_a_bug_and_text_is_escaped() -> None:
    made = templates(load(read_settings()), [])
    with pytest.raises(UndefinedError):
        made.from_string("{{ nothing }}").render()
    assert made.from_string("{{ text }}").render(text="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("name", ["count", "figure", "share", "milliseconds", "moment", "said"])
def test_what_has_no_value_is_a_dash(name: str) -> None:
    made = templates(load(read_settings()), [])
    assert made.from_string(f"{{{{ none | {name} }}}}").render() == DASH
