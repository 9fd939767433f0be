"""`weir model` against a real log, without a worker: what it writes, and when it writes nothing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.apps import load, set_up
from app.broker.broker import Broker
from app.cli import cli
from app.core.bundle import PINNED, pack
from app.core.fold import LearningState
from app.core.messages import Restore
from app.core.snapshot import resolver
from app.errors import StateError
from app.serving.learning.rebuild import LeftOut, Rebuild, Stretch
from app.serving.learning.timeline import timeline
from app.settings import Settings, read_settings
from app.settings import settings as process_settings
from app.streams.fraud.messages import Example, Feedback, read_entry
from app.wire import encode
from tests.core import samples
from tests.core.folding import fold_log
from tests.system.workers import Kafka, environment

LOG = samples.log(60)
KEY = "the secret of these tests"
BECAUSE = "--actor", "anna", "--reason", "poison"


@pytest.fixture
async def kafka(broker: Broker, fresh: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator:
    """Topics with a log of 60 examples and a signed snapshot of 20, and the commands' settings."""
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        partitions=samples.PARTITIONS,
        snapshot_keys=KEY,
    )
    await set_up(settings).create_topics()
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    process_settings.cache_clear()
    async with Kafka(settings) as running:
        await append(running, running.topics.examples, [encode(one) for _, one in LOG])
        await store(running, folded(settings, LOG[:20]))
        yield running
    process_settings.cache_clear()


def folded(settings: Settings, entries: Iterable) -> LearningState:
    return fold_log(load(settings).new_state(), entries)


async def append(kafka: Kafka, topic: str, values: Iterable[bytes]) -> None:
    for value in values:
        await kafka.producer.send(topic, value, partition=0)
    await kafka.producer.flush()


async def store(kafka: Kafka, state: LearningState, key: str = KEY, cut: bool = False) -> None:
    """Write a snapshot, signed with a key; `cut` damages its only chunk."""
    topic = kafka.topics.changelogs["models"]
    for name, value in pack(state, state.features, "engine", (key.encode(),)):
        value = value[:-1] if cut and name.endswith(b"0") else value
        await kafka.producer.send(topic, value, key=name, partition=0)
    await kafka.producer.flush()


async def run(*args: str, answer: str = "") -> tuple[int, str]:
    """`weir model ...` in a thread of its own: exit code, and what it prints on both streams."""
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["model", *args], input=answer)
    return result.exit_code, result.output


async def entries(kafka: Kafka) -> list[Example | Restore]:
    return [read_entry(record.value) for record in await kafka.read(kafka.topics.examples)]


async def pinned(kafka: Kafka) -> dict[bytes, bytes]:
    records = await kafka.read(kafka.topics.changelogs["models"])
    return {r.key: r.value for r in records if r.key.startswith(PINNED)}


async def models_after(kafka: Kafka) -> list[bytes]:
    """The models that a worker has once it has folded the log with its restore."""
    resolve = resolver(await pinned(kafka), load(kafka.settings).identity)
    log = list(enumerate(await entries(kafka)))
    return models(fold_log(load(kafka.settings).new_state(), log, resolve=resolve))


def models(state: LearningState) -> list[bytes]:
    return list(state.parts())[1 : 2 + samples.PARTITIONS]


# -- rollback


async def test_a_rollback_pins_the_snapshot_and_then_says_so_in_the_log(kafka: Kafka) -> None:
    code, out = await run("rollback", "20", *BECAUSE, answer="y\n")
    assert code == 0, out
    assert "The 40 entries of the log behind it will not count" in out
    *_, entry = await entries(kafka)
    assert isinstance(entry, Restore)
    assert (entry.version, entry.actor, entry.reason) == (20, "anna", "poison")
    assert re.search(rf"published restore {entry.id}: examples offset 60, snapshot 20", out)
    assert await models_after(kafka) == models(folded(kafka.settings, LOG[:20]))


async def test_a_snapshot_may_be_named_by_its_digest_and_restored_twice(kafka: Kafka) -> None:
    digest = folded(kafka.settings, LOG[:20]).digest()
    for _ in range(2):
        assert (await run("rollback", digest[:8], *BECAUSE, "--yes"))[0] == 0
    first, second = (await entries(kafka))[60:]
    assert first.id != second.id
    assert first.digest == second.digest == digest


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("rollback", "21"), "no snapshot 21 is stored"),
        (("rollback", "30"), "is not signed with a key of WEIR_SNAPSHOT_KEYS: wrong"),
        (("rollback", "40"), "damaged in chunk 0"),
        (("rollback", "20", "--actor", "a" * 129), "the restore cannot be written"),
        (("rebuild", "--without-feedback", "1:5"), "'1:5' is not PARTITION:FROM-TO"),
        (("rebuild", "--without-transactions", "/no/such"), "/no/such cannot be read"),
    ],
    ids=["not stored", "not signed by us", "damaged", "too long a name", "no range", "no file"],
)
async def test_what_cannot_be_done_is_said_and_nothing_is_written(
    kafka: Kafka, args: tuple[str, ...], sentence: str
) -> None:
    await store(kafka, folded(kafka.settings, LOG[:30]), key="a key of somebody else")
    await store(kafka, folded(kafka.settings, LOG[:40]), cut=True)
    code, out = await run(args[0], *BECAUSE, *args[1:], "--yes")
    assert code == 1
    assert sentence in out
    assert len(await entries(kafka)) == 60
    assert await pinned(kafka) == {}


@pytest.mark.parametrize("command", [("rollback", "20"), ("rebuild",)], ids=lambda args: args[0])
async def test_a_no_changes_nothing(kafka: Kafka, command: tuple[str, ...]) -> None:
    code, out = await run(*command, *BECAUSE, answer="n\n")
    assert code == 1
    assert "Restore these models on all workers?" in out
    assert len(await entries(kafka)) == 60
    assert await pinned(kafka) == {}


# -- rebuild


async def test_a_rebuild_learns_all_that_is_not_left_out(kafka: Kafka, tmp_path: Path) -> None:
    said = [Feedback(id="t", key="c", label="fraud", source="analyst", actor=name)
            for name in ("anna", "mallory", "anna", "mallory")]  # fmt: skip
    await append(kafka, kafka.topics.feedback, [*map(encode, said), b"no feedback"])
    (tmp_path / "ids").write_text(f"{LOG[7][1].id}\n\n {LOG[9][1].id} \n")
    code, out = await run(
        *("rebuild", *BECAUSE, "--yes", "--through", "49"),
        *("--without-feedback", "1:3-12", "--without-feedback", "2:0-5"),
        *("--without-transactions", str(tmp_path / "ids"), "--without-actor", "mallory"),
    )
    assert code == 0, out

    def left_out(one: Example) -> bool:
        place = one.origin.partition, one.origin.offset
        return (
            one.id in (LOG[7][1].id, LOG[9][1].id)
            or place in ((0, 1), (0, 3))
            or (place[0] == 1 and 3 <= place[1] <= 12)
            or (place[0] == 2 and place[1] <= 5)
        )

    gone = [one for _, one in LOG[:50] if left_out(one)]
    assert len({one.origin.partition for one in gone}) == 3
    positives = sum(one.y == 1 for one in gone)
    assert f"Left out: {len(gone)} examples ({positives} positives), 0 earlier restores" in out
    kept = [(offset, one) for offset, one in LOG[:50] if not left_out(one)]
    assert await models_after(kafka) == models(folded(kafka.settings, kept))


async def test_a_rebuild_without_exclusions_undoes_a_rollback(kafka: Kafka) -> None:
    assert (await run("rollback", "20", *BECAUSE, "--yes"))[0] == 0
    code, out = await run("rebuild", *BECAUSE, "--yes")
    assert code == 0
    assert "Left out: 0 examples (0 positives), 1 earlier restores" in out
    assert await models_after(kafka) == models(folded(kafka.settings, LOG))


async def test_labels_of_another_epoch_are_not_left_out_by_their_offsets(kafka: Kafka) -> None:
    everything = tuple(Stretch(partition, 0, 1000) for partition in range(3))
    later = kafka.settings.model_copy(update={"epoch": 2})
    rebuild = Rebuild(set_up(later), LeftOut(everything))
    await rebuild.read_on()
    assert (rebuild.examples_left_out, rebuild.state.version) == (0, 60)


# -- show and verify


async def test_a_snapshot_is_shown_with_what_holds_of_it(kafka: Kafka) -> None:
    await store(kafka, folded(kafka.settings, LOG[:40]), key="a key of somebody else", cut=True)
    code, out = await run("show", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["version"], told["pinned"], told["fits the settings"]) == (40, False, True)
    assert told["digests"].endswith("is damaged in chunk 0")
    assert told["signature"] == "wrong"
    code, out = await run("show", "20")
    assert code == 0
    assert re.search(r"signature +good", out)
    assert re.search(r"digests +hold", out)


async def test_what_is_not_stored_cannot_be_shown_or_verified(kafka: Kafka) -> None:
    code, out = await run("show", "21")
    assert (code, "no snapshot 21 is stored" in out) == (1, True)
    code, out = await run("verify", "--transaction", "t9")
    assert (code, "no decision on transaction 't9'" in out) == (1, True)
    code, out = await run("verify")
    assert (code, out.strip()) == (0, "0 equal, of 0 versions; 0 different; 0 not compared")


async def test_past_states_are_given_in_any_order(kafka: Kafka) -> None:
    settings = kafka.settings
    await store(kafka, folded(settings, LOG[:40]), cut=True)  # passed over
    async with timeline(set_up(settings)) as past:
        for version in (50, 10, 20, 21, 60, 0):
            state = await past.reach(version)
            assert state.digest() == folded(settings, LOG[:version]).digest()
        with pytest.raises(StateError, match="does not reach version 61"):
            await past.reach(61)
