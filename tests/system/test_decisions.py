"""The scored store: the first prediction in the log is the decision, whoever wrote it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from app.apps import set_up
from app.core.batch import Stored
from app.errors import StateError
from app.runtime.guard import leave
from app.runtime.writer import Out, Receipt, Writers
from app.serving import decisions as module
from app.serving import ledger
from app.serving.answers import EPOCH_HEADER, REACH_HEADER, SOURCE_HEADER
from app.serving.decisions import Decisions
from app.settings import Settings
from tests.system.workers import Kafka


@pytest.fixture
def partitions() -> int:
    return 1


@pytest.fixture
async def writers(settings: Settings) -> AsyncIterator[Writers]:
    running = Writers(settings.brokers)
    await running.start()
    yield running
    await running.stop()


def prediction(tx: str, said: str = "first") -> bytes:
    return f'{{"id": "{tx}", "said": "{said}"}}'.encode()


def out(tx: str, source: int, said: str = "first") -> Out:
    return Out(b"c1", prediction(tx, said), ((SOURCE_HEADER, str(source).encode()),))


def topic(settings: Settings) -> str:
    return set_up(settings).topics.predictions


def tp(settings: Settings) -> TopicPartition:
    return TopicPartition(topic(settings), 0)


@asynccontextmanager
async def opened(settings: Settings, path: Path, known: Callable[[str], None] = lambda tx: None):
    store = Decisions(
        settings.brokers, tp(settings), path, settings.epoch, settings.horizon, known, leave
    )
    try:
        yield store
    finally:
        store.close()
        await asyncio.gather(*store.tasks, return_exceptions=True)


@asynccontextmanager
async def level(store: Decisions) -> AsyncIterator[None]:
    """Wait until nothing is left to catch up after what is done inside."""
    yield
    async with asyncio.timeout(20):
        while store.tasks:
            await asyncio.sleep(0.01)


async def write(writers: Writers, settings: Settings, *records: Out) -> None:
    await writers(topic(settings), 0).put(records).acked


def decide(store: Decisions, writers: Writers, *decided: tuple[str, int, str]) -> Receipt:
    """What score does with its decisions (id, source offset, what it said)."""
    fresh = {tx: Stored(source, prediction(tx, said)) for tx, source, said in decided}
    sources = iter([source for _, source, _ in decided])
    store.put(fresh)

    def acknowledged(base: int, count: int) -> None:
        store.acknowledged(base, [next(sources) for _ in range(count)])

    records = [out(tx, source, said) for tx, source, said in decided]
    receipt = writers(store.tp.topic, 0).put(records, acknowledged)
    store.sent(fresh, receipt)
    return receipt


async def test_a_decision_counts_once_the_log_has_it(settings: Settings, writers, tmp_path: Path):
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        receipt = decide(store, writers, ("t1", 0, "first"))
        assert store.get("t1") == Stored(0, prediction("t1"))
        assert store.decision("t1") is None
        await store.settled(["t1", "t2"])
        assert receipt.acked.done()
        assert store.decision("t1") == prediction("t1")
        assert store.decision("t2") is None


async def test_settled_is_said_of_all_ids_at_once(settings: Settings, writers, tmp_path: Path):
    """While it waits for one id, another one is decided and on its way."""
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        decide(store, writers, ("t2", 0, "first"))
        waiting = asyncio.ensure_future(store.settled(["t1", "t2"]))
        await asyncio.sleep(0)
        decide(store, writers, ("t1", 1, "first"))
        await waiting
        assert store.decision("t1") == prediction("t1")


async def test_a_local_decision_gives_way_to_the_first_in_the_log(
    settings: Settings, writers, tmp_path: Path
):
    """Another worker held the partition while this one was away, and both decided t1."""
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        await write(writers, settings, out("t1", 0, "theirs"))
        async with level(store):
            await decide(store, writers, ("t1", 0, "ours"), ("t2", 1, "ours")).acked
        assert store.decision("t1") == prediction("t1", "theirs")
        assert store.decision("t2") == prediction("t2", "ours")


async def test_a_record_that_is_no_decision_is_passed_over(
    settings: Settings, writers, tmp_path: Path
):
    await write(
        writers, settings, Out(b"c1", b"no JSON"), out("t1", 0), Out(None, prediction("t1"))
    )
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        assert store.decision("t1") == prediction("t1")


async def test_what_was_never_written_is_invisible_and_replaced_after_a_restart(
    settings: Settings, writers, tmp_path: Path
):
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        await decide(store, writers, ("t0", 0, "first")).acked
        store.put({"t1": Stored(1, prediction("t1", "lost")), "t9": Stored(9, b'{"id": "t9"}')})
    await write(writers, settings, out("t1", 1, "theirs"))
    async with opened(settings, tmp_path / "0") as store:
        assert store.get("t1") == Stored(1, prediction("t1", "lost"))
        assert store.decision("t1") is None
        await store.recover(2)
        assert store.decision("t0") == prediction("t0")
        assert store.decision("t1") == prediction("t1", "theirs")
        assert store.get("t9") is not None, "a replay of t9 still says the same"
        assert store.decision("t9") is None


@pytest.mark.parametrize("kept", [True, False], ids=["disk kept", "disk wiped"])
async def test_a_second_record_of_an_id_never_replaces_the_first(
    settings: Settings, writers, tmp_path: Path, kept: bool
):
    await write(writers, settings, out("t1", 0), out("t2", 1), out("t1", 2), out("t1", 0, "later"))
    for _ in range(2):
        async with opened(settings, tmp_path / "0") as store:
            async with level(store):
                await store.recover(3)
            assert store.get("t1") == Stored(0, prediction("t1"))
            assert store.decision("t1") == prediction("t1")
        if not kept:
            shutil.rmtree(tmp_path / "0")


@pytest.fixture
def short_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAIL", 4)
    monkeypatch.setattr(module, "FOLLOW_ON", 10)


async def write_many(writers: Writers, settings: Settings, count: int) -> None:
    """Predictions t0, t1, ... of the source offsets 0, 1, ...; t0 comes again at the end."""
    for n in range(count):
        await write(writers, settings, out(f"t{n}", n))
    await write(writers, settings, out("t0", count))


@pytest.mark.usefixtures("short_tail")
async def test_a_new_disk_reads_back_to_the_commit_and_catches_up_behind(
    settings: Settings, writers, tmp_path: Path
):
    await write_many(writers, settings, 60)
    known: list[str] = []
    async with opened(settings, tmp_path / "0", known.append) as store:
        async with level(store):
            await store.recover(50)
            assert all(store.decision(f"t{n}") for n in range(50, 60)), "a replay may need these"
            assert not store.whole
            assert store.decision("t1") is None
        assert store.whole
        assert all(store.decision(f"t{n}") == prediction(f"t{n}") for n in range(60))
        assert store.get("t0") == Stored(0, prediction("t0"))
    assert "t1" in known, "a label may wait for it"
    assert "t59" not in known
    async with opened(settings, tmp_path / "0") as store:
        assert (store.reached, store.confirmed) == (61, 60)


@pytest.mark.usefixtures("short_tail")
@pytest.mark.parametrize(
    ("committed", "first", "second"),
    [
        pytest.param(None, 10, 58, id="both read before scoring, the later one first"),
        pytest.param(55, 10, 57, id="the first one in what is caught up"),
        pytest.param(55, 10, 12, id="both in what is caught up"),
        pytest.param(40, 45, 59, id="both in the tail"),
    ],
)
async def test_on_a_new_disk_the_first_of_two_writers_wins_in_whatever_order_the_log_is_read(
    settings: Settings, writers, tmp_path: Path, committed, first: int, second: int
):
    """A worker that had lost the partition wrote on: two decisions on one source offset."""
    for n in range(60):
        said = {first: ("t", 5, "first"), second: ("t", 5, "zombie's")}.get(n, (f"t{n}", n, "own"))
        await write(writers, settings, out(*said))
    async with opened(settings, tmp_path / "0") as store:
        async with level(store):
            await store.recover(committed)
        assert store.decision("t") == prediction("t", "first")
        assert store.get("t") == Stored(5, prediction("t", "first"))
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(committed)
        assert store.decision("t") == prediction("t", "first"), "and it stays"


async def test_a_store_of_a_format_that_is_not_read_is_made_anew(
    settings: Settings, writers, tmp_path: Path
):
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        await decide(store, writers, ("t1", 0, "first")).acked
        store.put({"t9": Stored(9, prediction("t9"))})
    later = ledger.Ledger(tmp_path / "0", settings.epoch, settings.horizon)
    later.db.put(ledger.MARK, ledger._MARK.pack(99, settings.epoch, 1, 0))
    later.close()
    async with opened(settings, tmp_path / "0") as store:
        assert (store.get("t1"), store.get("t9"), store.reached) == (None, None, 0)
        await store.recover(None)
        assert store.decision("t1") == prediction("t1")
    async with opened(settings, tmp_path / "0") as store:
        assert store.reached == 1


@pytest.mark.usefixtures("short_tail")
async def test_a_replay_that_broke_off_hides_nothing_of_what_it_had_to_repeat(
    settings: Settings, writers, tmp_path: Path
):
    """The log ends in a replay, whose sources lie below those that came before it."""
    async with opened(settings, tmp_path / "0") as store:
        for n in [*range(100), *range(70, 90)]:
            record = Out(b"c1", prediction(f"t{n}"), store.headers(n))
            await write(writers, settings, record)
    async with opened(settings, tmp_path / "1") as store:
        await store.recover(85)
        assert all(store.decision(f"t{n}") for n in range(85, 100))
        assert not store.whole
        assert dict(store.headers(85)) == {
            SOURCE_HEADER: b"85",
            EPOCH_HEADER: b"1",
            REACH_HEADER: b"99",
        }


@pytest.mark.usefixtures("short_tail")
async def test_a_catch_up_that_was_cut_short_is_begun_again(
    settings: Settings, writers, tmp_path: Path
):
    await write_many(writers, settings, 60)
    begun = asyncio.Event()
    async with opened(settings, tmp_path / "0", lambda tx: begun.set()) as store:
        await store.recover(60)
        receipt = decide(store, writers, ("new", 61, "first"))
        await begun.wait()
        assert not store.whole
    await receipt.acked
    async with opened(settings, tmp_path / "0") as store:
        assert store.reached == 0
        async with level(store):
            await store.recover(61)
        assert store.decision("t1") == prediction("t1")
        assert store.decision("new") == prediction("new")


@pytest.mark.usefixtures("short_tail")
@pytest.mark.parametrize("missed", [5, 30], ids=["a little", "more than it follows on"])
async def test_a_kept_disk_takes_over_what_it_missed(
    settings: Settings, writers, tmp_path: Path, missed: int
):
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        await decide(store, writers, ("mine", 0, "first")).acked
    await write(writers, settings, *(out(f"t{n}", n) for n in range(1, missed)))
    async with opened(settings, tmp_path / "0") as store:
        async with level(store):
            await store.recover(missed)
        assert store.decision("mine") == prediction("mine")
        assert store.decision(f"t{missed - 1}") == prediction(f"t{missed - 1}")
        assert store.reached == missed


@pytest.mark.usefixtures("short_tail")
async def test_without_a_commit_all_of_the_log_is_read_before_scoring(
    settings: Settings, writers, tmp_path: Path
):
    await write_many(writers, settings, 30)
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        assert store.whole
        assert store.decision("t1") == prediction("t1")


async def test_a_log_that_was_made_anew_is_an_error(settings: Settings, writers, tmp_path: Path):
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        await decide(store, writers, ("t1", 0, "first"), ("t2", 1, "first")).acked
    await writers.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    await admin.delete_topics([topic(settings)])
    async with asyncio.timeout(20):
        while topic(settings) in await admin.list_topics():
            await asyncio.sleep(0.05)
    await admin.close()
    await set_up(settings).create_topics()
    async with opened(settings, tmp_path / "0") as store:
        with pytest.raises(StateError, match=r"ends at 0, .* read it up to 2: .*WEIR_EPOCH"):
            await store.recover(None)
    async with opened(settings.model_copy(update={"epoch": 2}), tmp_path / "0") as store:
        await store.recover(None)
        assert store.get("t1") is None


async def test_the_log_holds_what_was_decided(settings: Settings, writers, tmp_path: Path):
    async with opened(settings, tmp_path / "0") as store:
        await store.recover(None)
        await asyncio.gather(
            *(decide(store, writers, (f"t{n}", n, "first")).acked for n in range(20))
        )
        assert (store.reached, store.confirmed) == (20, 19)
    async with Kafka(settings) as kafka:
        records = await kafka.read(topic(settings))
    assert [record.value for record in records] == [prediction(f"t{n}") for n in range(20)]


@pytest.mark.parametrize(("closed", "leaves"), [(True, 0), (False, 1)], ids=["closed", "open"])
async def test_what_goes_on_after_the_store_was_closed_ends_nobody(
    settings: Settings, tmp_path: Path, closed: bool, leaves: int
):
    """aiokafka may swallow the cancellation of whoever reads."""
    left: list[object] = []
    store = Decisions(
        settings.brokers,
        tp(settings),
        tmp_path / "0",
        1,
        60.0,
        lambda id: None,
        lambda code, why: left.append(code),
    )

    async def read_on() -> None:
        store.put({"t1": Stored(0, b"{}")})

    if closed:
        store.close()
    else:
        store.ledger.close()
    store._spawn(read_on())
    async with asyncio.timeout(10):
        while store.tasks:
            await asyncio.sleep(0)
    assert len(left) == leaves
