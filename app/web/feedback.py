"""POST /feedback: publish a label, as any other producer would."""

import asyncio
import time

import msgspec
from aiohttp import web

from app.errors import Refused
from app.messages import Feedback, encode, label_id, read_feedback
from app.stream.topics import partition_of
from app.stream.view import View
from app.stream.writer import Out
from app.web.site import site

ACKNOWLEDGED_WITHIN = 5.0  # seconds
MAX_BYTES = 16 * 1024  # of a body: more than any label that is not refused


async def post_feedback(request: web.Request) -> web.Response:
    """Publish the label in the body; 202 with its id and where in the topic it lies."""
    view = site(request).view
    feedback = read_label(request.content_type, await read_body(request))
    partition, offset = await publish(view, feedback)
    placed = {
        "label_id": feedback.label_id,
        "topic": view.topics.feedback,
        "partition": partition,
        "offset": offset,
    }
    return web.json_response(placed, status=202)


async def read_body(request: web.Request) -> bytes:
    """The body of a request, refused when it is larger than a label can be."""
    body = await request.content.read(MAX_BYTES + 1)
    while not request.content.at_eof() and len(body) <= MAX_BYTES:
        body += await request.content.read(MAX_BYTES + 1 - len(body))
    if len(body) > MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BYTES, len(body), text="the label is too large")
    return body


def read_label(content_type: str, body: bytes, now: int | None = None) -> Feedback:
    """The label in a body. `source` is analyst and `at` is now (epoch ms) when they are missing.

    Only JSON is taken: a form of another site can be posted without asking the browser's
    user, but not with that content type.
    """
    if content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send the label as application/json")
    try:
        given = msgspec.json.decode(body, type=dict)
        now = int(time.time() * 1000) if now is None else now
        feedback = read_feedback(encode({"source": "analyst", "at": now, **given}))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"the body is not a JSON object: {error}") from None
    except Refused as refused:
        raise web.HTTPBadRequest(text=f"the label cannot be used: {refused}") from None
    feedback.label_id = label_id(feedback)
    return feedback


async def publish(view: View, feedback: Feedback) -> tuple[int, int]:
    """Write a label to its customer's partition; partition and offset once it is acknowledged."""
    if not view.connected():
        raise web.HTTPServiceUnavailable(text="the worker is not connected to the broker yet")
    partition = partition_of(feedback.customer, view.settings.partitions)
    landed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def acknowledged(base: int, count: int) -> None:
        if not landed.done():
            landed.set_result(base)

    writer = view.worker.writers(view.topics.feedback, partition)
    writer.put([Out(feedback.customer.encode(), encode(feedback))], acknowledged)
    try:
        async with asyncio.timeout(ACKNOWLEDGED_WITHIN):
            return partition, await landed
    except TimeoutError:
        raise web.HTTPServiceUnavailable(
            text=f"the broker has not acknowledged the label within {ACKNOWLEDGED_WITHIN:.0f} s; "
            "it may still be written, and the same label_id counts once"
        ) from None
