"""A child process that never outlives the process that started it."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

POLL = 0.02  # seconds between two looks at a process that is to end

# The shell becomes the command. What it leaves behind reads the owner's pipe: its end, by close
# or by the owner's death of any kind, ends the process group. The group's id is the command's pid
# and cannot be given away while the reader lives, so the signal never meets a stranger.
BOUND_TO_OWNER = 'exec 3<&0 </dev/null; { read -r _; kill -KILL 0; } <&3 & exec "$@" 3<&-'


class Child:
    """A command in its own session: Ctrl-C in the terminal reaches the owner, not the child.

    It belongs to no event loop: one loop may start it and another one stop it.

    Parameters
    ----------
    command: program and arguments.
    directory: its working directory.
    log: file that its output and errors are appended to.
    """

    def __init__(self, command: Sequence[str], directory: Path, log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", BOUND_TO_OWNER, "sh", *command],
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the command itself."""
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    async def wait(self) -> int:
        """Wait until it ends; its exit status, negative for a signal."""
        while (status := self._process.poll()) is None:
            await asyncio.sleep(POLL)
        return status

    async def stop(self, patience: float) -> None:
        """Ask it to end (SIGTERM); after `patience` seconds, or when cancelled, kill it."""
        try:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.wait()
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), with whatever it started in its process group."""
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
