"""`weir label --file`: labels go out piece by piece, once each, and it is said how many."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from typer.testing import CliRunner

from app import apps
from app.broker.broker import Broker
from app.cli import cli
from app.cli.label_file import AT_ONCE, LabelFeed
from app.core.messages import Feedback
from app.data.label_file import open_labels
from app.errors import DataError
from app.runtime.reading import bounds, reader, stretch
from app.settings import read_settings
from app.wire import encode
from tests.cards import cards
from tests.serving import memory
from tests.serving.memory import MINUTE, NOW, payment

HEADER = "id,customer,label\n"


class Topic:
    """Takes labels, and knows which of them were waited for."""

    def __init__(self) -> None:
        self.queued: list[Feedback] = []
        self.pieces: list[list[Feedback]] = []

    def send(self, labels: Sequence[Feedback]) -> None:
        assert not self.queued, "the piece before is not acknowledged yet"
        self.queued += labels

    async def acknowledged(self) -> None:
        self.pieces.append(self.queued)
        self.queued = []


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["label", *arguments], terminal_width=300)
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def labels_of(folder: Path, rows: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(HEADER + rows)
    return path


async def test_no_more_is_in_flight_than_a_piece(tmp_path):
    count = 2 * AT_ONCE + 1
    path = labels_of(tmp_path, "".join(f"t{n},c{n % 7},1\n" for n in range(count)))
    feed, topic = LabelFeed(open_labels(cards(), path)), Topic()
    await feed.publish(topic.send, topic.acknowledged)
    assert [len(piece) for piece in topic.pieces] == [AT_ONCE, AT_ONCE, 1]
    assert (feed.labels, feed.interrupted) == (count, False)


async def test_everything_before_a_row_that_is_none_goes_out(tmp_path):
    path = labels_of(tmp_path, "t1,c1,1\nt2,c2,0\nt3,c3,what\nt4,c4,1\n")
    feed, topic = LabelFeed(open_labels(cards(), path)), Topic()
    with pytest.raises(DataError, match="row 3 of"):
        await feed.publish(topic.send, topic.acknowledged)
    assert [[one.id for one in piece] for piece in topic.pieces] == [["t1", "t2"]]
    assert (feed.labels, feed.interrupted) == (2, True)


@pytest.fixture
def world() -> Iterator[memory.World]:
    with memory.world(review_threshold=0.0) as world:
        yield world


async def test_a_file_that_is_published_twice_is_learned_once(tmp_path, world):
    path = labels_of(tmp_path, "t0,ann,fraud\nt1,ann,legit\nt0,ann,legit\nt0,ann,fraud\n")
    async with world.life() as worker:
        world.pay(payment(0), payment(1))
        await worker.score()
        for time in range(2):
            for said in open_labels(cards(), path):
                world.send("feedback", said.key, encode(said), NOW + time * MINUTE)
            assert await worker.learn()
        read = world.setup.application.read_example
        examples = [read(one) for one in world.values("examples")]
    assert [(one.id, one.y) for one in examples] == [("t0", 1), ("t1", 0), ("t0", 0), ("t0", 1)]


def test_a_dry_run_shows_the_mapping_and_needs_no_broker(tmp_path):
    path = labels_of(tmp_path, "t1,c1,1\nt2,c2,0\n")
    code, out = run("--file", str(path), "--dry-run", "--source", "chargeback")
    assert code == 0
    for words in ("always 'chargeback'", '"id":"t1"', '"label":"legit"', "Nothing was sent."):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "say ID and LABEL of an event, or --file FILE"),
        (["t1"], 2, "say ID and LABEL"),
        (["t1", "fraud", "--skip-bad"], 2, "options about a file need the file: --file FILE"),
        (["t1", "fraud", "--dry-run"], 2, "options about a file need the file"),
        (["t1", "fraud", "--file", "x.csv"], 2, "a file names its own events"),
        (["--customer", "c1", "--file", "x.csv"], 2, "a file names its own events"),
        (["--source", "stream", "--file", "x.csv"], 2, "'stream' must be one of"),
        (["--file", "nowhere.csv"], 1, "nowhere.csv cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, code, says):
    done, out = run(*arguments)
    assert (done, says in out) == (code, True), out


@pytest.mark.broker
async def test_a_file_lands_on_the_partitions_of_its_customers(
    broker: Broker, fresh: str, tmp_path: Path
):
    settings = read_settings(brokers=broker.bootstrap, topic_prefix=fresh, partitions=2)
    setup = apps.set_up(settings)
    await setup.create_topics(wait=30.0)
    path = labels_of(tmp_path, "".join(f"t{n},c{n % 7},{n % 2}\n" for n in range(AT_ONCE + 5)))
    feed = LabelFeed(open_labels(setup.application, path))
    await feed.run(setup)
    assert (feed.labels, feed.interrupted) == (AT_ONCE + 5, False)
    found = []
    for partition in range(2):
        tp = TopicPartition(setup.topics.feedback, partition)
        async with reader(settings.brokers, tp) as consumer:
            async for records in stretch(consumer, tp, *await bounds(consumer, tp)):
                found += [setup.application.read_feedback(record.value) for record in records]
    assert sorted(one.label_id for one in found) == sorted(
        one.label_id for one in open_labels(setup.application, path)
    )
