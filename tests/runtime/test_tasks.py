"""Where tasks stand: down to the coroutine that waits, also seen from another thread."""

import asyncio

from app.runtime.tasks import standing


async def inner(gate: asyncio.Event) -> None:
    await gate.wait()


async def outer(gate: asyncio.Event) -> None:
    await inner(gate)


async def test_a_line_leads_from_the_task_to_what_waits():
    gate = asyncio.Event()
    task = asyncio.ensure_future(outer(gate))
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    (line,) = [line for line in await asyncio.to_thread(standing, loop) if "outer" in line]
    assert [part.split()[0] for part in line.split(" > ")] == ["outer", "inner", "Event.wait"]
    assert f"(test_tasks.py:{inner.__code__.co_firstlineno + 1})" in line
    gate.set()
    await task
    assert not any("outer" in line for line in standing(loop))
