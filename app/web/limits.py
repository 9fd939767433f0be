"""What a connection to the web views may cost: how many there are, how long and how large.

aiohttp waits for ever for the rest of a request, and for a client to read its answer.
"""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_server import Server


class Limits(NamedTuple):
    """Seconds, bytes and counts; the defaults hold in a worker, others in tests.

    A worker asks another one over up to 100 connections, aiohttp's pool, and those of one machine
    have one address: `per_address` must leave room for that.
    """

    head_within: float = 10.0  # from the connection, or the first byte, to the end of the head
    answer_within: float = 30.0  # from the head to the end of the answer, body included
    idle: float = 75.0  # between two requests: longer than most proxies keep a connection
    linger: float = 2.0  # for the rest of a body that nobody wants
    head_bytes: int = 32 * 1024
    line_bytes: int = 8190  # of the first line, and of each header
    headers: int = 64
    connections: int = 400
    per_address: int = 200
    turned_away: int = 50  # at a time: these get an answer, more are cut off


LIMITS = Limits()


@web.middleware
async def limit_head(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a large head that came in one piece; of others a connection takes no more."""
    size = len(request.raw_path) + sum(
        len(name) + len(value) for name, value in request.raw_headers
    )
    if size > LIMITS.head_bytes:
        raise web.HTTPRequestHeaderFieldsTooLarge(text=large_head(LIMITS.head_bytes))
    return await handler(request)


def large_head(most: int) -> str:
    """The refusal of a head that is larger than this, in words."""
    return f"the head of a request may be {most} bytes long"


class LimitedRunner(web.AppRunner):
    """aiohttp's runner with limits for each connection and for all of them."""

    def __init__(self, app: web.Application, limits: Limits | None = None, **kwargs: Any) -> None:
        self._limits = limits or LIMITS
        super().__init__(
            app,
            access_log=None,
            keepalive_timeout=self._limits.idle,
            lingering_time=self._limits.linger,
            max_line_size=self._limits.line_bytes,
            max_field_size=self._limits.line_bytes,
            max_headers=self._limits.headers,
            **kwargs,
        )

    async def _make_server(self) -> Server:
        stock = await super()._make_server()
        return Door(self._limits, stock)


class Door(Server):
    """Lets connections in while there is room, and turns the others away."""

    def __init__(self, limits: Limits, stock: Server) -> None:
        super().__init__(
            stock.request_handler,
            request_factory=stock.request_factory,
            loop=stock._loop,
            **stock._kwargs,
        )
        self.limits = limits
        self.inside: dict[Connection, str] = {}  # the address of each, oldest first
        self.by_address: Counter[str] = Counter()
        self.leaving = 0

    def __call__(self) -> "Connection":
        return Connection(self, loop=self._loop, **self._kwargs)

    def enter(self, connection: "Connection", address: str) -> bool:
        """Count a connection in; False when there is no room for it.

        One that waits for its next request gives way to a new one.
        """
        if len(self.inside) >= self.limits.connections:
            self._make_room(None)
        elif self.by_address[address] >= self.limits.per_address:
            self._make_room(address)
        if (
            len(self.inside) >= self.limits.connections
            or self.by_address[address] >= self.limits.per_address
        ):
            return False
        self.inside[connection] = address
        self.by_address[address] += 1
        return True

    def leave(self, connection: "Connection") -> None:
        """Count a connection out."""
        address = self.inside.pop(connection, None)
        if address is not None:
            self.by_address[address] -= 1
            if not self.by_address[address]:
                del self.by_address[address]

    def _make_room(self, address: str | None) -> None:
        for connection, of in self.inside.items():
            if connection.is_idle and address in (None, of):
                self.leave(connection)
                connection.force_close()
                return


class Connection(RequestHandler):
    """One connection: its requests must arrive in time and be small, its answers be read."""

    def __init__(self, door: Door, **kwargs: Any) -> None:
        super().__init__(door, **kwargs)
        self._door, self._limits = door, door.limits
        self._due: asyncio.TimerHandle | None = None
        self._head = 0  # bytes of a head that is not complete
        self._body: Any = EMPTY_PAYLOAD  # of the latest request
        self._turned_away = False

    @property
    def is_idle(self) -> bool:
        """Whether it has had an answer and has sent nothing since."""
        return self._waits and self._request_count > 0 and not self._head

    @property
    def _waits(self) -> bool:
        """Whether no request is being answered."""
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or say that there is no room."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if self._door.enter(self, str(peer[0]) if peer else ""):
            self._expect(self._limits.head_within)
            return
        self._turned_away = True
        self._door.leaving += 1
        if self._door.leaving > self._limits.turned_away:
            self._cut()
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections; ask again later")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it out."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._turned_away:
            self._turned_away = False
            self._door.leaving -= 1
        self._door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a body, or of a head, whose time and size are limited."""
        in_body, requests = not self._body.is_eof(), self._request_count
        super().data_received(data)
        if self._request_count > requests:
            self._head, self._body = 0, self._messages[-1][1]
            self._expect(self._limits.answer_within)
        elif not in_body and not self._close and not self._force_close:
            if not self._head and self._request_count:
                self._expect(self._limits.head_within)
            self._head += len(data)
            if self._head > self._limits.head_bytes:
                self._refuse(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    large_head(self._limits.head_bytes),
                )

    def _process_keepalive(self) -> None:
        if self._head:  # it has its own time
            self._keepalive_handle = None
        else:
            super()._process_keepalive()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP with a sentence, and without a traceback in the log."""
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        sentence = "this is not an HTTP request that can be read"
        if isinstance(exc, LineTooLong):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            sentence = f"a line of the head may be {self.max_line_size} bytes long"
        refusal: web.StreamResponse = web.json_response({"error": sentence}, status=status)
        refusal.force_close()
        return refusal

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log a failure, unless it is the client's: a body that is cut off or badly encoded."""
        if not isinstance(kwargs.get("exc_info"), RequestPayloadError):
            super().log_exception(*args, **kwargs)

    def _expect(self, seconds: float) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due = self._loop.call_later(seconds, self._overdue)

    def _overdue(self) -> None:
        self._due = None
        if not self._waits:
            self._cut()  # somewhere between the head and the last byte of the answer
        elif self._head:
            within = self._limits.head_within
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the head of the request was not complete within {within:.0f} s",
            )
        elif not self._request_count:
            self.force_close()  # nothing was asked

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer without a request, and take in no more."""
        transport = self.transport
        if transport is None:
            return
        body = json.dumps({"error": sentence}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        transport.write(head.encode() + body)
        self._close = True
        if transport.can_write_eof():
            # Closing with bytes unread would reset the connection, and the answer be lost.
            with suppress(OSError):
                transport.write_eof()
        if self._due is not None:
            self._due.cancel()
        self._due = self._loop.call_later(self._limits.linger, self._cut)

    def _cut(self) -> None:
        """Drop the connection and whatever is still to be written."""
        transport, answering = self.transport, self._task_handler
        self.force_close()
        if transport is not None:
            transport.abort()
        if answering is not None:
            answering.cancel()  # one that sends a file does not notice otherwise
