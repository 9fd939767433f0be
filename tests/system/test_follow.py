"""The follower: the newest usable snapshot, then the log, whatever else lies in the topics."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pydantic import SecretStr

from app.core.bundle import SNAPSHOT_BYTES, pack, pin
from app.core.domain import Application, Feature
from app.core.entries import Unknown
from app.core.fold import LearningState
from app.core.manifest import read_manifest, seal
from app.core.messages import LogEntry, Restore
from app.core.snapshot import resolver
from app.errors import Refused, StateError
from app.runtime.guard import Exit, leave
from app.serving.learning.follow import Follower
from app.serving.learning.rebuild import LeftOut, Rebuild
from app.serving.learning.repair import leave_out, skip_of, stuck_at
from app.serving.learning.timeline import timeline
from app.serving.setup import Setup
from app.settings import Settings
from app.streams.fraud.messages import Example
from app.wire import encode
from tests.cards import cards
from tests.core import samples
from tests.core.folding import fold_log
from tests.system.workers import Kafka, WorkerProcess, workers

KEYS = b"the newer secret", b"the older secret"
FEATURES = samples.state().features
LOG = [example for _, example in samples.log(60)]


@pytest.fixture
async def kafka(settings: Settings) -> AsyncIterator[Kafka]:
    async with Kafka(settings) as running:
        yield running


def small() -> Application:
    """An application with the features and statistics of the samples."""
    features = [Feature(name, "", "", "", grid, "", "") for name, grid in samples.GRIDS.items()]
    made = cards(partitions=samples.PARTITIONS)
    return replace(made, model="binned", features=features, statistics=samples.Tally)


def follower(
    settings: Settings, learned: list[Example] | None = None, keys: Sequence[bytes] = ()
) -> Follower:
    if keys:
        secrets = ",".join(key.decode() for key in keys)
        settings = settings.model_copy(update={"snapshot_keys": SecretStr(secrets)})
    noted = learned if learned is not None else []
    return Follower(Setup(settings, small()), noted.append, leave)


@asynccontextmanager
async def following(one: Follower) -> AsyncIterator[Follower]:
    await one.start()
    try:
        async with asyncio.timeout(20):
            await one.caught_up.wait()
        yield one
    finally:
        await one.stop()


def folded(count: int) -> LearningState:
    return fold_log(samples.state(), enumerate(LOG[:count]))


async def append(kafka: Kafka, *entries: LogEntry | bytes) -> None:
    for entry in entries:
        value = entry if isinstance(entry, bytes) else encode(entry)
        await kafka.producer.send(kafka.topics.examples, value, partition=0)
    await kafka.producer.flush()


async def store(kafka: Kafka, state: LearningState, features: str = FEATURES, damage: int = -1):
    """Write a snapshot into the models table's changelog, with one record damaged."""
    records = pack(state, features, "engine")
    await write(
        kafka,
        (
            (key, value[:-1] + b"\0" if number == damage else value)
            for number, (key, value) in enumerate(records)
        ),
    )


async def write(kafka: Kafka, records: Iterable[tuple[bytes, bytes]]) -> None:
    for key, value in records:
        await kafka.producer.send(kafka.topics.changelogs["models"], value, key=key, partition=0)
    await kafka.producer.flush()


async def level(one: Follower, version: int) -> None:
    async with asyncio.timeout(20):
        while one.state.version < version:
            await asyncio.sleep(0.01)


async def test_an_empty_log_is_level_at_once(settings: Settings):
    async with following(follower(settings)) as one:
        assert (one.state.version, one.lag, one.seconds_behind()) == (0, 0, 0.0)


async def test_it_folds_the_log_and_goes_on_with_it(settings: Settings, kafka: Kafka):
    learned: list[Example] = []
    await append(kafka, *LOG[:40])
    async with following(follower(settings, learned)) as one:
        assert one.state.digest() == folded(40).digest()
        await append(kafka, *LOG[40:])
        await level(one, 60)
        assert one.state.digest() == folded(60).digest()
    assert learned == LOG


async def test_what_is_skipped_is_not_told(settings: Settings, kafka: Kafka):
    learned: list[Example] = []
    await append(kafka, *LOG[:10], *LOG[5:10], LOG[10])
    async with following(follower(settings, learned)) as one:
        assert one.state.version == 16
        assert one.state.counts.skipped == 5
    assert learned == LOG[:11]


async def test_it_starts_from_the_newest_snapshot(settings: Settings, kafka: Kafka):
    learned: list[Example] = []
    await append(kafka, *LOG)
    await store(kafka, folded(20))
    await store(kafka, folded(50))
    async with following(follower(settings, learned)) as one:
        assert one.state.digest() == folded(60).digest()
        assert one.refused_snapshots == 0
    assert learned == LOG[50:]


@pytest.mark.parametrize("damage", [0, 1], ids=["a chunk", "the manifest"])
async def test_a_damaged_snapshot_is_passed_over_for_the_one_before(
    settings: Settings, kafka: Kafka, damage: int
):
    learned: list[Example] = []
    await append(kafka, *LOG)
    await store(kafka, folded(20))
    await store(kafka, folded(50), damage=damage)
    async with following(follower(settings, learned)) as one:
        assert one.state.digest() == folded(60).digest()
        assert one.refused_snapshots == 1
    assert learned == LOG[20:]


def oversized(records: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """A manifest that is signed and says that the snapshot is larger than any may be."""
    *chunks, (key, raw) = records
    manifest = msgspec.structs.replace(read_manifest(raw), size=SNAPSHOT_BYTES + 1)
    yield from chunks
    yield key, seal(msgspec.json.encode(manifest), KEYS)


@pytest.mark.parametrize(
    "bad",
    [
        lambda state: pack(state, FEATURES, "engine"),
        lambda state: pack(state, FEATURES, "engine", (b"somebody else's.",)),
        lambda state: pack(state, FEATURES, "engine", KEYS[1:], rebuilt=True),
        lambda state: oversized(pack(state, FEATURES, "engine", KEYS)),
    ],
    ids=["not signed", "signed by somebody else", "of a rebuild", "oversized"],
)
async def test_with_keys_what_nobody_known_has_signed_is_passed_over(
    settings: Settings, kafka: Kafka, bad, caplog: pytest.LogCaptureFixture
):
    learned: list[Example] = []
    await append(kafka, *LOG)
    await write(kafka, pack(folded(20), FEATURES, "engine", KEYS[1:]))
    await write(kafka, bad(folded(50)))
    async with following(follower(settings, learned, KEYS)) as one:
        assert one.state.digest() == folded(60).digest()
        assert one.refused_snapshots == 1
    assert learned == LOG[20:]
    (line,) = [r.getMessage() for r in caplog.records if "Not using" in r.getMessage()]
    assert "snapshot 50 (" in line
    assert not any(key.decode() in caplog.text for key in KEYS)


async def test_when_the_keys_are_lost_the_log_is_folded_from_its_start(
    settings: Settings, kafka: Kafka
):
    learned: list[Example] = []
    await append(kafka, *LOG)
    await write(kafka, pack(folded(20), FEATURES, "engine", KEYS))
    await write(kafka, pack(folded(50), FEATURES, "engine", KEYS))
    async with following(follower(settings, learned, (b"an entirely new one",))) as one:
        assert one.state.digest() == folded(60).digest()
        assert one.refused_snapshots == 2
    assert learned == LOG


async def test_a_snapshot_below_the_start_of_the_log_is_of_no_use(settings: Settings, kafka: Kafka):
    await append(kafka, *LOG)
    await store(kafka, folded(20))
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        tp = TopicPartition(kafka.topics.examples, 0)
        await admin.delete_records({tp: RecordsToDelete(before_offset=30)})
    finally:
        await admin.close()
    one = follower(settings)
    with pytest.raises(StateError, match="begins at 30 and no snapshot reaches it"):
        await one.start()
    assert one.refused_snapshots == 1
    await store(kafka, folded(40))
    async with following(follower(settings)) as one:
        assert one.state.digest() == folded(60).digest()


def restore(to: LearningState) -> Restore:
    return Restore(
        id="r1",
        version=to.version,
        digest=to.digest(),
        model=to.model,
        features=to.features,
        at=0,
    )


async def test_a_restore_waits_for_its_snapshot_and_says_so(settings: Settings, kafka: Kafka):
    back = folded(20)
    await append(kafka, *LOG[:40], restore(back), *LOG[40:])
    copies = list(pin(pack(back, FEATURES, "engine")))
    entries = [*enumerate(LOG[:40]), (40, restore(back)), *enumerate(LOG[40:], 41)]
    resolve = resolver(dict(copies), small().identity)
    whole = fold_log(samples.state(), entries, resolve=resolve).digest()
    # No key has signed the copies: that the log names their digest is enough.
    async with following(follower(settings, keys=KEYS)) as one:
        assert one.missing == f"snapshot 20 ({back.digest()[:12]}) is not pinned"
        assert (one.state.version, one.lag) == (40, 21)
        await write(kafka, copies[:-1])
        await write(kafka, copies[-1:])
        await level(one, 61)
        assert one.missing is None
        assert one.state.digest() == whole
    async with following(follower(settings)) as again:
        await level(again, 61)
        assert again.state.digest() == whole


async def test_a_snapshot_of_other_features_is_refused(settings: Settings, kafka: Kafka):
    learned: list[Example] = []
    await append(kafka, *LOG)
    await store(kafka, folded(50), features="others")
    async with following(follower(settings, learned)) as one:
        assert one.state.digest() == folded(60).digest()
        assert one.refused_snapshots == 1
    assert learned == LOG


async def test_a_log_below_the_snapshot_was_made_anew(settings: Settings, kafka: Kafka):
    await append(kafka, *LOG[:10])
    await store(kafka, folded(50))
    with pytest.raises(
        StateError, match=r"ends at 10, but a snapshot is of version 50.*WEIR_APP_ID"
    ):
        await follower(settings).start()


async def test_a_copy_is_of_one_version_while_the_log_goes_on(settings: Settings, kafka: Kafka):
    await append(kafka, *LOG[:30])
    async with following(follower(settings)) as one:
        copying = asyncio.ensure_future(one.copy())
        await append(kafka, *LOG[30:])
        version, bundle = await copying
        await level(one, 60)
    made = list(bundle.records(FEATURES, "engine"))
    assert made == list(pack(folded(version), FEATURES, "engine"))


async def test_an_unknown_kind_ends_a_worker_until_a_skip_names_it(
    settings: Settings, kafka: Kafka, tmp_path
):
    await append(kafka, LOG[0], b"\xff", b'{"kind":"lesson"}', LOG[1])
    async with workers(settings, tmp_path, 1) as (worker,):
        one: WorkerProcess = worker
        assert await asyncio.wait_for(one.child.wait(), 30) == Exit.STATE
        assert b"weir model skip 2" in one.log.read_bytes()
    setup = Setup(settings, small())
    assert await stuck_at(setup, 2) == Unknown("lesson")
    for offset, why in [(0, "not of an unknown kind"), (1, "not of an"), (4, "no entry at")]:
        with pytest.raises(Refused, match=why):
            await stuck_at(setup, offset)
    await leave_out(setup, skip_of(2, 0, "ann", "a later release was tried"))
    with pytest.raises(Refused, match="left out already"):
        await stuck_at(setup, 2)
    learned: list[Example] = []
    async with following(follower(settings, learned)) as one:
        await level(one, 5)
        assert learned == [LOG[0], LOG[1]]
    async with timeline(setup) as past:
        assert (await past.reach(5)).digest() == one.state.digest()
    made = Rebuild(setup, LeftOut())
    await made.read_on()
    assert (made.state.version, made.foreign) == (5, 1)


async def test_a_restore_whose_snapshot_is_nowhere_is_given_up_once_a_skip_names_it(
    settings: Settings, kafka: Kafka
):
    lost = Restore(
        id="r1",
        version=1,
        digest="ab" * 32,
        model="binned",
        features=FEATURES,
        at=samples.PARTITIONS,
    )
    await append(kafka, LOG[0], LOG[1], lost, LOG[2])
    setup = Setup(settings, small())
    async with following(follower(settings)) as one:
        assert one.missing
        assert await stuck_at(setup, 2) == lost
        await leave_out(setup, skip_of(2, 0, "ann", "forged"))
        await level(one, 5)
        assert (one.missing, one.state.restores) == (None, [])
        async with timeline(setup) as past:
            assert (await past.reach(5)).digest() == one.state.digest()
