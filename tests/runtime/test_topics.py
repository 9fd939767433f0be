"""Topics: their names and shapes, and the partition of a customer."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.topics import INPUT_BYTES, LETTER_BYTES, Topics, partition_of, shapes
from app.settings import read_settings

# From Kafka's own test of its hash (UtilsTest.testMurmur2), as signed 32 bit numbers.
KAFKAS = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("text", "signed"), KAFKAS.items(), ids=KAFKAS)
def test_a_customers_partition_is_that_of_kafkas_own_producers(text, signed):
    for count in (1, 4, 7, 1024):
        assert partition_of(text, count) == (signed & 0x7FFFFFFF) % count


@given(st.text(min_size=1), st.integers(1, 1024))
def test_a_customers_partition_is_that_of_aiokafkas_producer(customer, count):
    everywhere = list(range(count))
    assert partition_of(customer, count) == DefaultPartitioner()(
        customer.encode(), everywhere, everywhere
    )


def test_there_are_six_topics_and_three_changelogs():
    settings = read_settings(partitions=5, replication=3, topic_prefix="eu-", app_id="w1")
    made = {topic.name: topic for topic in shapes(settings)}
    assert set(made) == {
        "eu-transactions",
        "eu-predictions",
        "eu-review",
        "eu-feedback",
        "eu-examples",
        "eu-dead-letters",
        "eu-w1-customers-changelog",
        "eu-w1-labels-changelog",
        "eu-w1-models-changelog",
    }
    assert made.pop("eu-examples").num_partitions == 1
    assert {topic.num_partitions for topic in made.values()} == {5}
    assert {topic.replication_factor for topic in made.values()} == {3}


@pytest.mark.parametrize(("copies", "least"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_with_three_copies_a_write_is_acknowledged_by_two(copies, least):
    for topic in shapes(read_settings(replication=copies)):
        assert topic.topic_configs.get("min.insync.replicas") == least


def test_what_must_stay_stays():
    made = {topic.name: topic.topic_configs for topic in shapes(read_settings(horizon="20d"))}
    names = Topics.named(read_settings())
    assert made[names.examples]["retention.ms"] == "-1"
    assert made[names.dead_letters]["retention.ms"] == "-1"
    for changelog in names.changelogs.values():
        assert made[changelog]["cleanup.policy"] == "compact"
        assert "retention.ms" not in made[changelog]
    for limited in (names.transactions, names.predictions, names.review, names.feedback):
        assert made[limited]["retention.ms"] == str(20 * 86_400_000)


def test_a_dead_letter_may_be_larger_than_any_input():
    made = {topic.name: topic.topic_configs for topic in shapes(read_settings())}
    names = Topics.named(read_settings())
    for name in (names.transactions, names.feedback):
        assert made[name]["max.message.bytes"] == str(INPUT_BYTES)
    assert made[names.dead_letters]["max.message.bytes"] == str(LETTER_BYTES)
    assert LETTER_BYTES > INPUT_BYTES
