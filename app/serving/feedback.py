"""Publishing one label: what a page, a command or any other producer does."""

import asyncio

from aiokafka.errors import KafkaError

from app.errors import BrokerError
from app.messages import Feedback, encode
from app.runtime.topics import Topics, check, partition_of
from app.runtime.writer import Out, Writers
from app.settings import Settings


async def publish(
    writers: Writers, settings: Settings, feedback: Feedback, within: float
) -> tuple[int, int]:
    """Write a label to its customer's partition; partition and offset, once acknowledged.

    Raises
    ------
    TimeoutError
        The broker has not acknowledged it within so many seconds. It may still be written.
    """
    partition = partition_of(feedback.customer, settings.partitions)
    landed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def acknowledged(base: int, count: int) -> None:
        if not landed.done():
            landed.set_result(base)

    writer = writers(Topics.named(settings).feedback, partition)
    writer.put([Out(feedback.customer.encode(), encode(feedback))], acknowledged)
    async with asyncio.timeout(within):
        return partition, await landed


async def publish_alone(
    settings: Settings, feedback: Feedback, within: float = 15.0
) -> tuple[int, int]:
    """The same from a process that writes nothing else.

    Raises
    ------
    TopicsError, BrokerError
        The topics are not there, or no broker answers.
    """
    await check(settings)
    writers = Writers(settings.brokers)
    try:
        await writers.start()
        return await publish(writers, settings, feedback, within)
    except (KafkaError, TimeoutError) as error:
        raise BrokerError(f"{settings.brokers} has not taken the label: {error!r}") from None
    finally:
        await writers.stop()
