"""Mends of how aiokafka reads batches, for `app.runtime.mends.install`."""

from faust.transport.consumer import Consumer

from app.errors import StateError
from app.runtime.fetching import batches
from app.runtime.fetching.batches import Records
from app.runtime.flow import Flow
from app.runtime.guard import Exit


def pass_unreadable_batches(flow: Flow) -> None:
    """Stock fails on a batch that it cannot decompress or parse, again at each start.

    And it decompresses whatever comes, however large that is.
    """
    batches.install()
    Records.passed = flow.sources
    wait_next = Consumer._wait_next_records

    async def _wait_next_records(self: Consumer, timeout: float) -> tuple:
        try:
            return await wait_next(self, timeout)
        except StateError as error:  # of a changelog: Faust would log a traceback first
            flow.guard.leave(Exit.STATE, str(error))

    Consumer._wait_next_records = _wait_next_records


def reach_the_end(flow: Flow) -> None:
    """Stock never moves a position over aborted records or markers that no record follows."""
    batches.install()
    Records.on_empty = flow.delivery.empty.note
    wait_next = Consumer._wait_next_records

    async def _wait_next_records(self: Consumer, timeout: float) -> tuple:
        fetched = await wait_next(self, timeout)
        await flow.delivery.pass_empty(self)
        return fetched

    Consumer._wait_next_records = _wait_next_records
