"""With a review budget: thresholds follow it, survive a kill and a lost disk, and are exact."""

import random
from pathlib import Path

from app.apps import set_up
from app.broker.broker import Broker
from app.serving.learning.verify import stored, verify
from app.settings import read_settings
from app.streams.fraud.messages import Transaction, read_prediction
from tests.system import proofs
from tests.system.workers import Kafka, until, workers

NOW = 1_700_000_000_000
MINUTE = 60_000
PIECE = 300


def payments(seed: int, piece: int) -> list[Transaction]:
    """Three a minute of ten customers, now and then one that rules hit, some of them late."""
    chance = random.Random(seed + piece)
    return [
        Transaction(
            id=f"t{n}",
            at=NOW + n * MINUTE // 3 - chance.randrange(MINUTE),
            customer=f"c{n % 10}",
            merchant=f"m{chance.randrange(5)}",
            amount=chance.choice([20.0] * 12 + [90.0, 400.0]) + chance.random(),
        )
        for n in range(piece * PIECE, (piece + 1) * PIECE)
    ]


async def test_thresholds_are_as_computed_offline_after_a_kill_and_a_lost_disk(
    broker: Broker, fresh: str, seed: int, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        instance_id="one",  # comes back at once
        partitions=2,
        session_timeout=6.0,
        review_budget=12.0,
        chunk=50,
    )
    await set_up(settings).create_topics()
    async with Kafka(settings) as kafka, workers(settings, tmp_path, 1) as (worker,):
        await kafka.transactions(payments(seed, 0))
        await until(kafka.caught_up)
        worker.kill()
        worker.wipe()
        await kafka.transactions(payments(seed, 1)[:7])
        await kafka.transactions(payments(seed, 0)[-50:])  # the same ids again
        await kafka.transactions(payments(seed, 1)[7:])
        worker.start()
        await until(kafka.caught_up)
        assert await worker.stop() == 0
        logs = await proofs.read_logs(kafka)
        proofs.each_threshold_is_as_computed_offline(logs)
        proofs.each_customer_is_as_computed_offline(logs)
        proofs.each_flagged_one_is_reviewed(logs)
        proofs.the_disk_is_as_the_logs(logs, worker.data)
        report = await verify(set_up(settings), await stored(set_up(settings)))
        assert (report.equal, report.different, report.not_compared) == (2 * PIECE, [], [])
    decisions = [read_prediction(raw) for raw in logs.decisions.values()]
    assert len({decision.threshold for decision in decisions}) > 100
    assert any(decision.decision == "review" for decision in decisions)
