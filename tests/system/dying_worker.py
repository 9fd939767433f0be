"""A worker that dies at an exact place: `python -m tests.system.dying_worker`.

DIE_AT names the place: before or after, what is done, and which time, as in `before send
examples 2`. What can be done:

    put decisions     decisions are stored beside the tables
    write TABLE       a step's changes go to RocksDB
    write waiting     the same, when labels are taken off the list of those that wait
    send TOPIC        a batch is handed to the producer
    hear TOPIC        the producer learns that a batch is acknowledged
    commit TOPIC      the positions of a source are committed

`frozen request predictions 2` stops it (SIGSTOP) when the second request with predictions has
passed every look at the clock, and only the socket has yet to take it.
"""

import inspect
import os
import signal
from collections.abc import Callable
from typing import Any

from aiokafka.producer.sender import SendProduceReqHandler
from faust.transport.consumer import Consumer

from app.apps import set_up
from app.cli import cli
from app.runtime.step import Overlay
from app.runtime.topics.shapes import Topics
from app.runtime.writer import Writer
from app.serving.decisions import Decisions
from app.serving.waiting import PREFIX
from app.settings import settings


def short_names(topics: Topics) -> dict[str, str]:
    """The topics by their full names; changelogs by their table, as `customers-changelog`."""
    changelogs = {f"{table}-changelog": name for table, name in topics.changelogs.items()}
    own = {field: getattr(topics, field) for field in topics._fields if field != "changelogs"}
    return {name: short for short, name in {**own, **changelogs}.items()}


def written(overlay: Overlay) -> str:
    """What an overlay writes: the name of its table, or that labels wait no more."""
    settled = (value is None and key.startswith(PREFIX) for key, value in overlay.changed.items())
    return "waiting" if any(settled) else overlay.table.name


class Death:
    """Ends the process when a thing is done for the n-th time."""

    def __init__(self, place: str) -> None:
        self.moment, self.verb, self.noun, count = place.split()
        self.left = int(count)

    def meets(self, verb: str, noun: str) -> bool:
        """Whether this is the time, the moment apart."""
        if (verb, noun) != (self.verb, self.noun):
            return False
        self.left -= 1
        return self.left == 0

    def before(self, now: bool) -> None:
        if now and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, now: bool) -> None:
        if now and self.moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    def lie_in_wait(self, owner: type, method: str, verb: str, noun: Callable[..., str]) -> None:
        """Watch the calls of a method; `noun` says of its arguments what is done."""
        original = getattr(owner, method)

        def watched(*arguments: Any, **named: Any) -> Any:
            now = self.meets(verb, noun(*arguments))
            self.before(now)
            done = original(*arguments, **named)
            if inspect.isawaitable(done):
                return self._finish(done, now)
            self.after(now)
            return done

        setattr(owner, method, watched)

    async def _finish(self, done: Any, now: bool) -> Any:
        value = await done
        self.after(now)
        return value

    def hear(self, names: dict[str, str]) -> None:
        """Watch acknowledgements: what a writer is told of each batch."""
        send = Writer._send

        def _send(writer: Writer, batch: Any, is_last: bool, receipt: Any, on_ack: Any) -> Any:
            def heard(base: int, count: int) -> None:
                now = self.meets("hear", names[writer.topic])
                self.before(now)
                if on_ack is not None:
                    on_ack(base, count)
                self.after(now)

            return send(writer, batch, is_last, receipt, heard)

        Writer._send = _send

    def freeze(self, names: dict[str, str]) -> None:
        """Watch requests that are about to leave, if this is what is wanted."""
        create = SendProduceReqHandler.create_request

        def create_request(handler: SendProduceReqHandler) -> Any:
            request = create(handler)
            for topic in {tp.topic for tp in handler._batches}:
                if self.meets("request", names[topic]):
                    os.kill(os.getpid(), signal.SIGSTOP)
            return request

        if self.moment == "frozen":
            SendProduceReqHandler.create_request = create_request


def main() -> None:
    """Set the trap, then be a worker like any other."""
    death, names = Death(os.environ["DIE_AT"]), short_names(set_up(settings()).topics)
    death.lie_in_wait(Decisions, "put", "put", lambda _, what: "decisions" if what else "")
    death.lie_in_wait(Overlay, "write", "write", written)
    death.hear(names)
    death.lie_in_wait(Writer, "_send", "send", lambda writer, *_: names[writer.topic])
    death.freeze(names)
    death.lie_in_wait(Consumer, "_commit_offsets", "commit", lambda _, offsets, *__: "sources")
    cli(["worker"])


if __name__ == "__main__":
    main()
