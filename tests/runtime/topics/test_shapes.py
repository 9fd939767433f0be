"""Topics: their names and shapes."""

import pytest
from aiokafka.admin import NewTopic

from app.runtime.topics.shapes import INPUT_BYTES, LETTER_BYTES, Topics, shapes
from app.settings import Settings, read_settings


def named(settings: Settings) -> Topics:
    return Topics.named(settings, "logins", "accounts")


def made_with(settings: Settings) -> dict[str, NewTopic]:
    return {topic.name: topic for topic in shapes(settings, named(settings))}


def configured(settings: Settings) -> dict[str, dict[str, str]]:
    return {name: topic.topic_configs for name, topic in made_with(settings).items()}


def test_there_are_six_topics_and_three_changelogs():
    settings = read_settings(partitions=5, replication=3, topic_prefix="eu-", app_id="w1")
    made = made_with(settings)
    assert set(made) == {
        "eu-logins",
        "eu-predictions",
        "eu-review",
        "eu-feedback",
        "eu-examples",
        "eu-dead-letters",
        "eu-w1-accounts-changelog",
        "eu-w1-labels-changelog",
        "eu-w1-models-changelog",
    }
    assert made.pop("eu-examples").num_partitions == 1
    assert {topic.num_partitions for topic in made.values()} == {5}
    assert {topic.replication_factor for topic in made.values()} == {3}


def test_an_application_names_what_it_judges_and_its_records():
    names = named(read_settings(topic_prefix="eu-"))
    assert names.inputs == ("eu-logins", "eu-feedback")
    assert list(names.changelogs) == ["accounts", "labels", "models"]


@pytest.mark.parametrize(("copies", "least"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_with_three_copies_a_write_is_acknowledged_by_two(copies, least):
    for topic in made_with(read_settings(replication=copies)).values():
        assert topic.topic_configs.get("min.insync.replicas") == least


def test_what_must_stay_stays():
    settings = read_settings(horizon="20d", maturity="10d")
    names, made = named(settings), configured(settings)
    assert made[names.examples]["retention.ms"] == "-1"
    assert made[names.dead_letters]["retention.ms"] == "-1"
    for changelog in names.changelogs.values():
        assert made[changelog]["cleanup.policy"] == "compact"
        assert "retention.ms" not in made[changelog]
    for limited in (*names.inputs, names.predictions, names.review):
        assert made[limited]["retention.ms"] == str(20 * 86_400_000)


def test_a_dead_letter_may_be_larger_than_any_input():
    names, made = named(read_settings()), configured(read_settings())
    for name in names.inputs:
        assert made[name]["max.message.bytes"] == str(INPUT_BYTES)
    assert made[names.dead_letters]["max.message.bytes"] == str(LETTER_BYTES)
    assert LETTER_BYTES > INPUT_BYTES
