"""How commands run their tasks: until Ctrl-C, or until the first one fails."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


def cancel_on_signals() -> None:
    """Let SIGINT and SIGTERM cancel the current task, each time one comes."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def first(main: Coroutine[Any, Any, None], *watches: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, unless one of the watches, which never end, raises before."""
    tasks = [asyncio.ensure_future(work) for work in (main, *watches)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
