"""Models repaired on running workers: every decision before and after is what the log gives."""

import asyncio
import itertools
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiohttp import ClientSession

from app.apps import set_up
from app.broker.broker import Broker
from app.core.bundle import PINNED, pack, pin
from app.core.messages import Restore
from app.core.snapshot import assemble
from app.data.rows import Labelled
from app.serving.learning.repair import restore_of
from app.serving.learning.timeline import Timeline, timeline
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Example, Feedback, Prediction, read_entry, read_prediction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode
from tests.system.workers import Kafka, WorkerProcess, environment, until, workers

GOOD, BAD, MORE = 700, 300, 600
PIECE = 100
BECAUSE = "--actor", "boss", "--reason", "mallory"


def simulated(seed: int) -> list[Labelled]:
    hours = transactions(Traffic(seed=seed))
    rows = itertools.chain.from_iterable(hours)
    return list(itertools.islice(rows, GOOD + BAD + MORE))


def label(row: Labelled, says: str, actor: str) -> Feedback:
    return Feedback(
        id=row.event.id,
        key=row.event.customer,
        label=says,
        source="analyst",
        actor=actor,
        at=row.event.at,
    )


def honest(row: Labelled) -> Feedback:
    return label(row, "fraud" if row.positive else "legit", "anna")


def poison(row: Labelled) -> Feedback:
    return label(row, "fraud", "mallory")


async def weir(settings: Settings, *args: str) -> tuple[int, str]:
    """`weir model ...` in a process of its own: exit code and what it prints."""
    root = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "model", *args),
        env=os.environ | environment(settings) | {"PYTHONPATH": root},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode()


class Run:
    """Two workers under traffic, and what the log says of them."""

    def __init__(self, kafka: Kafka, pair: Sequence[WorkerProcess], rows: list[Labelled]) -> None:
        self.kafka, self.pair, self.rows = kafka, pair, rows
        self.sent = 0

    async def play(self, count: int, say) -> None:
        """So many more transactions, then their labels, in pieces."""
        for _ in range(count // PIECE):
            piece = self.rows[self.sent : self.sent + PIECE]
            self.sent += PIECE
            await self.kafka.transactions(row.event for row in piece)
            await self.kafka.feedback(say(row) for row in piece)
            await until(self.all_decided)

    async def all_decided(self) -> bool:
        return await self.kafka.count(self.kafka.topics.predictions) >= self.sent

    async def all_learned(self) -> bool:
        return len([e for _, e in await self.log() if isinstance(e, Example)]) >= self.sent

    async def log(self) -> list[tuple[int, Example | Restore]]:
        records = await self.kafka.read(self.kafka.topics.examples)
        return [(record.offset, read_entry(record.value)) for record in records]

    async def repeat_labels(self) -> None:
        """Cause some steps, because tables are written in steps; nothing else comes of it."""
        await self.kafka.feedback(honest(row) for row in self.rows[self.sent - PIECE : self.sent])

    async def newest_snapshot(self) -> int:
        await self.repeat_labels()
        records = await self.kafka.read(self.kafka.topics.changelogs["models"])
        found = assemble((record.key, record.value) for record in records)
        return found[0].version if found else 0

    async def agree(self) -> list[dict] | None:
        """The restores that both workers have had, once they are at the same version."""
        end = await self.kafka.count(self.kafka.topics.examples)
        async with ClientSession() as http:
            answers = [await (await http.get(w.url + "/models")).json() for w in self.pair]
        if any(answer["version"] != end for answer in answers):
            return None
        assert answers[0]["restores"] == answers[1]["restores"]
        return answers[0]["restores"]

    async def readiness(self, status: int, says: str) -> bool:
        """Whether both workers answer /readyz so."""
        async with ClientSession() as http:
            answers = [await http.get(worker.url + "/readyz") for worker in self.pair]
            return all([a.status == status and says in await a.text() for a in answers])

    async def adopted(self) -> bool:
        """Whether each pinned record stands in the changelog twice: the command's, the table's."""
        await self.repeat_labels()
        records = await self.kafka.read(self.kafka.topics.changelogs["models"])
        written = Counter((r.key, r.value) for r in records if r.key.startswith(PINNED))
        keys = {key for key, _ in written}
        assert len(written) == len(keys), "a pinned record was changed"
        return bool(written) and min(written.values()) >= 2

    async def verified(self) -> tuple[int, dict]:
        code, out = await weir(self.kafka.settings, "verify", "--limit", "100000", "--json")
        return code, json.loads(out[out.index("{") :])


def wrongness(past: Timeline, predictions: list[Prediction]) -> float:
    """The mean logit that the models give to legitimate transactions: lower is better."""
    logits = [past.state.logit(p.features, p.source.partition, "both") for p in predictions]
    return sum(logits) / len(logits)


async def test_models_go_back_and_are_learned_anew_on_all_workers_at_one_offset(
    broker: Broker, fresh: str, seed: int, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        session_timeout=6.0,
        snapshot_every=500,
        partitions=2,
        snapshot_keys="a secret of this test alone",
    )
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 2) as pair, Kafka(settings) as kafka:
        run = Run(kafka, pair, simulated(seed))
        good, poisoned = await learn_poison(run)
        back = await roll_back(run, good)
        anew = await rebuild(run, back)
        await check_decisions(run, back, anew)
        await check_states(run, poisoned, back, anew)
        await check_what_is_stored(run, good)
        await check_a_missing_snapshot(run)
        await check_what_is_told(run)
        for worker in pair:
            assert await worker.stop() == 0
        await check_a_forgery_is_found(run)


async def learn_poison(run: Run) -> tuple[int, int]:
    """Versions of a snapshot without, and of the learning state with what mallory said."""
    for worker in run.pair:
        await until(worker.joined)
    await run.play(GOOD, honest)
    await until(run.all_learned)
    good = await until(run.newest_snapshot)
    await run.play(BAD, poison)
    await until(run.all_learned)
    return good, len(await run.log())


async def roll_back(run: Run, good: int) -> int:
    """Back to the good snapshot, while transactions and labels flow; the restore's offset."""
    traffic = asyncio.ensure_future(run.play(MORE // 3, honest))
    code, out = await weir(run.kafka.settings, "rollback", str(good), *BECAUSE, "--yes")
    assert code == 0, out
    await traffic
    await until(run.all_learned)
    (restored,) = await until(run.agree)
    assert (restored["offset"], restored["version"]) == (offset_in(out), good)
    return offset_in(out)


async def rebuild(run: Run, back: int) -> int:
    """Learned anew, without what mallory said; the restore's offset."""
    args = "rebuild", "--without-actor", "mallory", *BECAUSE, "--yes"
    code, out = await weir(run.kafka.settings, *args)
    assert code == 0, out
    assert f"Left out: {BAD} examples ({BAD} positives), 1 earlier restores" in out
    await run.play(MORE // 3, honest)
    await until(run.all_learned)
    assert [one["offset"] for one in await until(run.agree)] == [back, offset_in(out)]
    return offset_in(out)


def offset_in(out: str) -> int:
    return int(re.search(r"examples offset (\d+)", out)[1])


async def check_decisions(run: Run, back: int, anew: int) -> None:
    """All are as the log gives them, and some were made by the repaired models."""
    code, report = await run.verified()
    assert (code, report["different"], report["not_compared"]) == (0, [], [])
    assert report["equal"] == run.sent
    records = await run.kafka.read(run.kafka.topics.predictions)
    versions = {read_prediction(record.value).model.version for record in records}
    assert any(version > back for version in versions), "nothing was decided after the rollback"
    assert any(version > anew for version in versions), "nothing was decided after the rebuild"


async def check_states(run: Run, poisoned: int, back: int, anew: int) -> None:
    """The poison raises scores; going back and learning anew lower them."""
    records = await run.kafka.read(run.kafka.topics.predictions)
    bad = {row.event.id for row in run.rows[GOOD : GOOD + BAD] if not row.positive}
    wrong = [p for p in map(read_prediction, (r.value for r in records)) if p.id in bad]
    async with timeline(set_up(run.kafka.settings)) as past:
        end = await past.end()
        worst = wrongness(await reached(past, poisoned), wrong)
        assert wrongness(await reached(past, back + 1), wrong) < worst - 1
        assert wrongness(await reached(past, anew + 1), wrong) < worst - 1
        last = (await past.reach(end)).digest()
        assert past.state.counts.examples == run.sent
    async with timeline(set_up(run.kafka.settings)) as past:
        past.snapshots.clear()
        assert (await past.reach(end)).digest() == last, "a fold from the start gives another state"


async def reached(past: Timeline, version: int) -> Timeline:
    await past.reach(version)
    return past


async def check_a_missing_snapshot(run: Run) -> None:
    """A worker that lacks what a restore names is not ready, and decides on, degraded."""
    settings = run.kafka.settings
    async with timeline(set_up(settings)) as past:
        await past.reach(300)
        copies = list(pin(pack(past.state, past.state.features, "engine")))
        digest = past.state.digest()
    entry = restore_of(set_up(settings), 300, digest, "no-hurry", 0, "boss", "a test")
    await run.kafka.producer.send_and_wait(run.kafka.topics.examples, encode(entry), partition=0)
    why = f"a restore of the models waits for its snapshot: snapshot 300 ({digest[:12]})"
    await until(lambda: run.readiness(503, why))
    late = run.pair[1]
    assert await late.stop() == 0
    late.wipe()
    late.start()  # this one meets the restore before it ever was level with the log
    await until(late.joined)
    await until(lambda: run.readiness(503, why))
    await run.play(PIECE, honest)
    records = await run.kafka.read(run.kafka.topics.predictions)
    modes = {p.id: p.mode for p in (read_prediction(record.value) for record in records)}
    last = run.rows[run.sent - PIECE : run.sent]
    assert {modes[row.event.id] for row in last} == {"degraded"}
    for key, value in copies:
        await run.kafka.producer.send_and_wait(
            run.kafka.topics.changelogs["models"], value, key=key, partition=0
        )
    await until(lambda: run.readiness(200, "ready"))
    await until(run.all_learned)
    assert [one["id"] for one in await until(run.agree)][-1] == "no-hurry"


async def check_what_is_stored(run: Run, good: int) -> None:
    """The table has taken over what commands pinned, and `weir model show` says that it holds."""
    await run.play(PIECE, honest)
    await until(run.adopted)
    code, out = await weir(run.kafka.settings, "show", str(good), "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["version"], told["pinned"]) == (good, True)
    assert (told["signature"], told["digests"], told["fits the settings"]) == ("good", "hold", True)


async def check_what_is_told(run: Run) -> None:
    """The list and the page name the restores."""
    code, out = await weir(run.kafka.settings, "list", "--url", run.pair[0].url)
    assert (code, "no-hurry" in out) == (0, True)
    async with ClientSession(headers={"Accept": "text/html"}) as http:
        page = await http.get(run.pair[0].url + "/models")
        assert "<code>no-hurry</code>" in await page.text()


async def check_a_forgery_is_found(run: Run) -> None:
    """A decision that the log does not give is named, and no other."""
    records = await run.kafka.read(run.kafka.topics.predictions)
    told = read_prediction(records[-1].value)
    forged = msgspec.structs.replace(told, score=told.score / 2)
    topic = run.kafka.topics.predictions
    await run.kafka.send(topic, told.key, encode(forged))
    await run.kafka.producer.flush()
    code, report = await run.verified()
    (finding,) = report["different"]
    assert code == 1
    assert (finding["transaction"], finding["why"]) == (told.id, "score")
    assert report["equal"] == run.sent
    code, out = await weir(run.kafka.settings, "verify", "--transaction", told.id)
    assert code == 1
    assert "1 equal, of 1 versions; 1 different; 0 not compared" in out
