"""Sentences about topics: all that is wrong at once, and ways that can lead out."""

import pytest

from app.runtime.topics.advice import ANEW, of_counts, of_remade
from app.runtime.topics.metadata import Seen
from app.runtime.topics.shapes import Topics, shapes
from app.settings import read_settings

SETTINGS = read_settings(partitions=4)
NAMES = Topics.named(SETTINGS, "transactions", "customers")
ALL = {topic.name: topic.num_partitions for topic in shapes(SETTINGS, NAMES)}
DELETE = "delete {} with all records and run weir topics create"


def seen(counts: dict[str, int | None]) -> dict[str, Seen | None]:
    return {name: None if count is None else Seen("id", count, 1) for name, count in counts.items()}


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        pytest.param({}, None, id="as they should be"),
        pytest.param(dict.fromkeys(ALL), None, id="none exists"),
        pytest.param(
            {**dict.fromkeys(ALL), "transactions": 1},
            "transactions has 1 partition, but the settings say 4: set WEIR_PARTITIONS=1, or "
            f"{DELETE.format('transactions')}, or {ANEW}",
            id="a producer made one, and there is nothing else",
        ),
        pytest.param(
            {"transactions": 1, "feedback": 1},
            "transactions and feedback have 1 partition, but the settings say 4: "
            f"{DELETE.format('transactions and feedback')}, or {ANEW}",
            id="producers made two, and the others are there",
        ),
        pytest.param(
            {"transactions": 8},
            f"transactions has 8 partitions, but the settings say 4: "
            f"{DELETE.format('transactions')}, or {ANEW}",
            id="raised",
        ),
        pytest.param(
            dict.fromkeys([name for name in ALL if name != "examples"], 8),
            "weir-labels-changelog and weir-models-changelog have 8 partitions, but the settings "
            f"say 4: set WEIR_PARTITIONS=8, or {ANEW}",
            id="all have others",
        ),
        pytest.param(
            {"examples": 4},
            f"examples has 4 partitions, but the settings say 1: {ANEW}",
            id="the one that has one",
        ),
        pytest.param(
            {"predictions": 6, "examples": 2},
            f"predictions has 6 partitions, examples has 2 partitions, but the settings say 1 "
            f"and 4: {ANEW}",
            id="of those that weir writes",
        ),
    ],
)
def test_all_that_differ_are_in_one_sentence_with_what_leads_out(
    counts: dict[str, int | None], sentence: str | None
):
    said = of_counts(SETTINGS, NAMES, seen({**ALL, **counts}))
    assert said is None if sentence is None else sentence in (said or "")


@pytest.mark.parametrize(
    ("topic", "advice"),
    [
        ("transactions", "raise WEIR_EPOCH"),
        ("feedback", "raise WEIR_EPOCH"),
        ("predictions", "raise WEIR_EPOCH"),
        ("examples", "choose a new WEIR_APP_ID and WEIR_DATA_DIR"),
        ("weir-customers-changelog", "choose a new WEIR_APP_ID and WEIR_DATA_DIR"),
        ("review", None),
        ("dead-letters", None),
    ],
)
def test_a_topic_that_was_made_again_needs_what_depends_on_it(topic: str, advice: str | None):
    said = of_remade(NAMES, topic)
    assert said is None if advice is None else advice in (said or "")
