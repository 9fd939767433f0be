"""`weir worker` for the fault tests: mends left out, a clock that jumps, a word at its end.

Environment: CHAOS_LEAVE_OUT names mends of Faust to leave out, comma separated; CHAOS_CLOCK is a
file with the seconds by which the clock is wrong, read again at SIGUSR1; CHAOS_LEARNED is the file
that gets version and digest of the learning state at a clean stop.
"""

import json
import os
import signal
import time
from pathlib import Path

CLOCK = Path(os.environ.get("CHAOS_CLOCK", "clock"))
LEARNED = Path(os.environ.get("CHAOS_LEARNED", "learned"))
LEAVE_OUT = frozenset(filter(None, os.environ.get("CHAOS_LEAVE_OUT", "").split(",")))


def let_the_clock_jump() -> None:
    """Shift `time.time` and `time.time_ns`; what only goes forward, time.monotonic, stays."""
    now, now_ns = time.time, time.time_ns
    wrong = 0

    def read(*_: object) -> None:
        nonlocal wrong
        wrong = int(CLOCK.read_text()) if CLOCK.exists() else 0

    time.time = lambda: now() + wrong
    time.time_ns = lambda: now_ns() + wrong * 1_000_000_000
    read()
    signal.signal(signal.SIGUSR1, read)


def say_at_the_end_what_was_learned() -> None:
    """After a clean stop: which version, and the digest of the whole state."""
    from app.serving.learning.follow import Follower

    stop = Follower.stop

    async def stop_and_say(self: Follower) -> None:
        await stop(self)
        told = {"version": self.state.version, "digest": self.state.digest()}
        LEARNED.write_text(json.dumps(told))

    Follower.stop = stop_and_say


def main() -> None:
    """What `weir worker` does, with the differences above."""
    let_the_clock_jump()
    import faust
    import mode.loop

    from app.apps import set_up
    from app.serving.application import create_app
    from app.settings import settings
    from app.web.server import mount

    say_at_the_end_what_was_learned()
    mode.loop.use("uvloop")
    app = mount(create_app(set_up(settings()), leave_out=LEAVE_OUT))
    faust.Worker(app, loglevel="info", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
