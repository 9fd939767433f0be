"""Requests as bytes, at a real server in this process."""

import asyncio
import json
import logging
import re
import socket
import tempfile
import threading
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web

from app.apps import load
from app.broker.ports import choose_ports
from app.runtime.application import WeirApp, faust_settings
from app.serving.setup import Setup
from app.serving.worker import Worker
from app.settings import read_settings
from app.web.limits import LimitedRunner, Limits
from app.web.server import set_up
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement
from tests.fuzz.oracle import LABEL, judge
from tests.web.conftest import KnownView

QUICK = Limits(head_within=0.1, answer_within=1.0, idle=0.1, linger=0.05)
ANSWER = re.compile(rb"HTTP/\d\.\d (\d\d\d) [^\r\n]*\r\n")
TIMEOUT = 4.0  # seconds for an answer
LARGE = 16 << 10  # bytes that a label may have

GOOD_HOSTS = ("localhost", "LOCALHOST:6066", "127.0.0.1", "[::1]:80", "localhost.")
BAD_HOSTS = ("a:b:c", "[::1", "localhost:99999", "", "me@localhost", "localhost/x", "local host")
FOREIGN_HOSTS = ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io")
FOREIGN_PAGES = ("null", "https://evil.example", "http://localhost:3", "x", "http://[::1")
PATHS = (
    "/",
    "/panel",
    "/status",
    "/status?workers=all",
    "/models",
    "/healthz",
    "/metrics",
    "/look?what=customers&id=c1",
    "/look?what=%00&id=%ff",
    "/state/customers/c1",
    "/state/customers/%00",
    "/state/customers/%ff%fe",
    "/state/customers/" + "%C3%A9" * 70,
    "/state/transactions/t1?customer=c1",
    "/state/transactions/t1?customer=%ED%A0%80",
    "/state/merchants/m1?at=99999999999999999999",
    "/state/merchants/m1?at=\u0663",
    "/state/merchants/m1?location=DE&at=253402300799999",
    "/state/merchants/m1?at=0&location=%00",
    "/static/weir.css",
    "/static/../server.py",
    "/static/%2e%2e/server.py",
    "/static/%00",
    "/static/" + "a" * 300,
    "//evil.example/",
    "*",
    "http://localhost/healthz",
    "http:///healthz",
    "https://localhost/",
    "http://[::1/",
    "?",
    "/%",
    "/\u00e9",
)
HEADERS = (
    "Accept: text/html",
    "Accept: text/html;q=\u00b2, */*",
    "Accept: " + "a,;=" * 500,
    "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x",
    "Expect: 100-continue",
    "Expect: x",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Content-Encoding: gzip",
    "Content-Encoding: br",
    "Content-Type: application/json; charset=x",
    "Content-Type: multipart/form-data; boundary=",
    "Content-Type: ;;;",
    "Cookie: a=b; =; \u00e9",
    "Range: bytes=0-0,5-",
    "Range: bytes=-1",
    "If-Modified-Since: yesterday",
    "If-None-Match: *",
    "Weir-Asked: 1",
    "X: " + "y" * 9000,
    ": empty",
    "no colon",
    " folded",
    "X\x00: y",
)


class Http:
    """What a request is answered with, `0` where that is left open, a line break, its bytes."""

    name = "http"

    def __init__(self) -> None:
        self.server: Server | None = None

    def make(self, chance: Random) -> bytes:
        """A request that is whole, odd in one place, or changed in its bytes."""
        way = chance.random()
        if way < 0.25:
            status, raw = self._judged(chance)
            return b"%d\n%s" % (status, raw)
        method = chance.choice(("GET", "GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "g"))
        raw = _request(
            chance,
            method,
            chance.choice(PATHS),
            [f"Host: {chance.choice(GOOD_HOSTS)}", *chance.sample(HEADERS, chance.randrange(4))],
            chance.choice((b"", b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n")),
        )
        if way > 0.6:
            raw = mutate.by_byte(chance, raw)
        return b"0\n" + raw

    def _judged(self, chance: Random) -> tuple[int, bytes]:
        """A request whose answer the documents tell."""
        host, method, target = chance.choice(GOOD_HOSTS), "GET", "/healthz"
        headers: list[str] = []
        body, status = b"", 200
        kind = chance.randrange(4)
        if kind == 0:
            host, status = chance.choice(BAD_HOSTS), 400
        elif kind == 1:
            host, status = chance.choice(FOREIGN_HOSTS), 403
        elif kind >= 2:
            method, target = "POST", "/feedback"
            raw = mutate.record(chance, "label", chance.randrange(99))
            # A page fills in the time and the source: judged with these.
            headers = [f"Content-Type: {chance.choice(('application/json', 'text/plain'))}"]
            body = raw
            status = self._label(raw) if headers[0].endswith("json") else 415
            if len(body) > LARGE:
                status = 413
            if kind == 3:
                headers.append(f"Origin: {chance.choice(FOREIGN_PAGES)}")
                status = 403
            headers.append(f"Content-Length: {len(body)}")
        return status, _request(chance, method, target, [f"Host: {host}", *headers], body)

    def _label(self, raw: bytes) -> int:
        verdict = judge("label", raw, mutate.NOW)
        if verdict.valid is None or set(verdict.message) - set(LABEL):
            return 0
        if not verdict.valid and verdict.message and "source" not in verdict.message:
            return 0
        return 202 if verdict.valid else 400

    def open(self, case: bytes) -> bytes:
        """The request without the status that it should have."""
        return b"0\n" + case.partition(b"\n")[2]

    def check(self, case: bytes) -> None:
        """Some answer, or a closed connection; never a 500, a traceback or silence."""
        if self.server is None:
            self.server = Server()
        head, _, raw = case.partition(b"\n")
        wanted = int(head) if head.isdigit() and len(head) == 3 else 0
        answer = self.server.ask(raw)
        if said := self.server.errors():
            raise Disagreement(f"a request is logged as an error: {_kind(said)}\n{said}")
        if answer is None:
            raise Disagreement("a connection is neither answered nor closed")
        if not answer:
            if wanted:
                raise Disagreement(f"no answer instead of {wanted}")
            return
        found = ANSWER.match(answer)
        if found is None:
            raise Disagreement(f"an answer that is no HTTP\n{answer[:200]!r}")
        status = int(found[1])
        if status == 500:
            raise Disagreement("a request is answered with 500")
        if wanted and status != wanted:
            said = answer.partition(b"\r\n\r\n")[2][:80]
            raise Disagreement(f"{status} instead of {wanted} {said!r}\n{answer[-300:]!r}")
        _sentence(status, answer)


def _kind(said: str) -> str:
    return said.strip().splitlines()[-1][:120]


def _sentence(status: int, answer: bytes) -> None:
    """A refusal in JSON is one sentence."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if status < 400 or b"application/json" not in head or not body or b"chunked" in head:
        return
    size = re.search(rb"content-length: (\d+)", head.lower())
    error = json.loads(body[: int(size[1])] if size else body).get("error")
    if not error or "\n" in error.strip() or "Traceback" in error:
        raise Disagreement(f"a refusal without a sentence\n{body[:200]!r}")


def _request(chance: Random, method: str, target: str, headers: list[str], body: bytes) -> bytes:
    if chance.random() < 0.8:
        headers = [*headers, "Connection: close"]
    lines = [f"{method} {target} HTTP/1.1", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + body


class Server:
    """The pages of a worker that is in no group, on a loop in a thread of its own."""

    def __init__(self) -> None:
        self._log: list[str] = []
        self._ready = threading.Event()
        self.port = choose_ports(None)[0]
        self._folder = tempfile.TemporaryDirectory(prefix="weir-fuzz-")
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: self._log.append(str(context)))
        threading.Thread(target=self._run, daemon=True).start()
        if not self._ready.wait(30):
            raise TimeoutError("the server does not start")
        _Errors(self._log).attach()

    def ask(self, raw: bytes) -> bytes | None:
        """Everything that comes back, None when nothing does and the connection stays open."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as connection:
            answer = b""
            try:
                connection.sendall(raw)
                while more := connection.recv(1 << 16):
                    answer += more
            except TimeoutError:
                return None
            except ConnectionError:
                pass
            return answer

    def errors(self) -> str:
        """What was logged as an error since the last call."""
        said, self._log[:] = "\n".join(self._log), []
        return said

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()

    async def _start(self) -> None:
        settings = read_settings(data_dir=Path(self._folder.name), web_port=self.port)
        app = WeirApp(settings.app_id, **faust_settings(settings))
        view = KnownView(Worker(Setup(settings, load(settings)), app), list(range(4)))
        view.connect()
        view.know_customer("c1")
        view.know_transaction("t1", "c1")
        server = web.Application()

        async def publish(feedback: Any, within: float) -> tuple[int, int]:
            return 0, 0

        set_up(server, view, publish)
        runner = LimitedRunner(server, QUICK)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self._runner = runner
        self._ready.set()


class _Errors(logging.Handler):
    """Collects what is logged as an error."""

    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.into = into
        self.setFormatter(logging.Formatter("%(message)s"))

    def attach(self) -> None:
        """Listen to everything."""
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.into.append(self.format(record))
