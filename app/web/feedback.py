"""POST /feedback: publish a label, as any other producer would."""

import time

import msgspec
from aiohttp import web

from app.errors import Refused
from app.messages import Feedback, encode, label_id, read_feedback
from app.serving.feedback import publish
from app.serving.view import View
from app.web.site import site

ACKNOWLEDGED_WITHIN = 5.0  # seconds
MAX_BYTES = 16 * 1024  # of a body: more than any label that is not refused


async def post_feedback(request: web.Request) -> web.Response:
    """Publish the label in the body; 202 with its id and where in the topic it lies."""
    view = site(request).view
    feedback = read_label(request.content_type, await read_body(request))
    partition, offset = await published(view, feedback)
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


async def published(view: View, feedback: Feedback) -> tuple[int, int]:
    """Partition and offset of a label in its topic, once the broker has it."""
    if not view.connected():
        raise web.HTTPServiceUnavailable(text="the worker is not connected to the broker yet")
    try:
        return await publish(view.worker.writers, view.settings, feedback, ACKNOWLEDGED_WITHIN)
    except TimeoutError:
        raise web.HTTPServiceUnavailable(
            text=f"the broker has not acknowledged the label within {ACKNOWLEDGED_WITHIN:.0f} s; "
            f"it may still be written: send it again with label_id {feedback.label_id}, "
            "which counts once"
        ) from None
