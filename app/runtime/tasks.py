"""Where the tasks of an event loop are suspended, for the log of a worker that is stuck."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def standing(loop: asyncio.AbstractEventLoop) -> list[str]:
    """One line for each unfinished task of a loop, which may run in another thread.

    A line names the coroutines from the task's own to the one that waits, each with the file
    and the line that it has reached.
    """
    return sorted(" > ".join(map(_place, _chain(task))) for task in asyncio.all_tasks(loop))


def _chain(task: asyncio.Task) -> Iterator[Any]:
    """The frames of a task, outermost first."""
    coroutine: Any = task.get_coro()
    while (frame := _first(coroutine, "cr_frame", "gi_frame", "ag_frame")) is not None:
        yield frame
        coroutine = _first(coroutine, "cr_await", "gi_yieldfrom", "ag_await")


def _first(of: Any, *names: str) -> Any:
    return next((found for name in names if (found := getattr(of, name, None)) is not None), None)


def _place(frame: Any) -> str:
    code = frame.f_code
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{frame.f_lineno})"
