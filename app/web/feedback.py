"""POST /feedback: publish a label, as any other producer would."""

import asyncio
import codecs
import time

import msgspec
from aiohttp import web

from app.core.domain import Application
from app.core.messages import Feedback, label_id
from app.errors import Refused
from app.web.site import Site, site
from app.wire import check_unit, encode

ACKNOWLEDGED_WITHIN = 5.0  # seconds
BODY_WITHIN = 10.0  # seconds from the head of a request to the end of its body
MAX_BYTES = 16 * 1024  # of a body: more than any label that is not refused


async def post_feedback(request: web.Request) -> web.Response:
    """/feedback: publish the label in the body; 202 with its id and where in the topic it lies."""
    here = site(request)
    body = await read_body(request)
    feedback = read_label(here.application, request.content_type, body)
    partition, offset = await published(here, feedback)
    placed = {
        "label_id": feedback.label_id,
        "topic": here.view.topics.feedback,
        "partition": partition,
        "offset": offset,
    }
    return web.json_response(placed, status=202)


async def read_body(request: web.Request) -> bytes:
    """The body of a request; refused when it is larger or slower than a label can be, or broken."""
    if (request.content_length or 0) > MAX_BYTES:
        raise too_large(request.content_length or 0)
    body = b""
    try:
        async with asyncio.timeout(BODY_WITHIN):
            while len(body) <= MAX_BYTES and (
                more := await request.content.read(MAX_BYTES + 1 - len(body))
            ):
                body += more
    except TimeoutError:
        raise web.HTTPRequestTimeout(
            text=f"the label was not complete within {BODY_WITHIN:.0f} s"
        ) from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest(text="the body is cut off, or not encoded as it says") from None
    if len(body) > MAX_BYTES:
        raise too_large(len(body))
    return body


def too_large(size: int) -> web.HTTPException:
    """The refusal of a body of at least so many bytes."""
    return web.HTTPRequestEntityTooLarge(MAX_BYTES, size, text="the label is too large")


def read_label(
    application: Application, content_type: str, body: bytes, now: int | None = None
) -> Feedback:
    """The label in a body. Without them `source` is the reviewer and `at` is now (epoch ms).

    Only JSON is taken: another site could post a form from a user's browser without the user
    being asked, but not a request of that content type.
    """
    if content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send the label as application/json")
    now = int(time.time() * 1000) if now is None else now
    try:
        given = msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8), type=dict)
        usual = {"source": application.labels.reviewer, "at": now}
        feedback = application.read_feedback(encode({**usual, **given}))
        if feedback.at is not None:
            check_unit(feedback.at, now, steps=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"the body is not a JSON object: {error}") from None
    except Refused as refused:
        raise web.HTTPBadRequest(text=f"the label cannot be used: {refused}") from None
    feedback.label_id = label_id(feedback)
    return feedback


async def published(here: Site, feedback: Feedback) -> tuple[int, int]:
    """Partition and offset of a label in its topic, once the broker has it."""
    if not here.view.connected():
        raise web.HTTPServiceUnavailable(text="the worker is not connected to the broker yet")
    try:
        return await here.publish(feedback, ACKNOWLEDGED_WITHIN)
    except TimeoutError:
        raise web.HTTPServiceUnavailable(
            text=f"the broker has not acknowledged the label within {ACKNOWLEDGED_WITHIN:.0f} s "
            f"but may still store it. Send it again with the label_id {feedback.label_id}: "
            "then it counts only once"
        ) from None
