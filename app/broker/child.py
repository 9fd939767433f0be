"""A child process that never outlives the process that started it."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

POLL = 0.02  # seconds between two checks whether a process has exited

# The shell starts a reader in the background and then becomes the command. The reader waits until
# the owner closes its pipe or dies, and then kills the process group. The group's id is the
# command's pid. It cannot be reused while the reader is running, so the signal never reaches an
# unrelated process.
BOUND_TO_OWNER = 'exec 3<&0 </dev/null; { read -r _; kill -KILL 0; } <&3 & exec "$@" 3<&-'


class Child:
    """A command in a session of its own: Ctrl-C in the terminal reaches only its owner.

    It is not tied to an event loop: one loop may start it and another may stop it.

    Parameters
    ----------
    command: the program and its arguments.
    directory: its working directory.
    log: the file that its output and errors are appended to.
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
        """The process id of the command itself."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the command is still running."""
        return self._process.poll() is None

    async def wait(self) -> int:
        """Wait for it to exit; returns its exit status, negative for a signal."""
        while (status := self._process.poll()) is None:
            await asyncio.sleep(POLL)
        return status

    async def stop(self, patience: float) -> None:
        """Ask it to exit (SIGTERM); kill it after `patience` seconds, or when cancelled."""
        try:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.wait()
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill it at once (SIGKILL), with everything in its process group."""
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
