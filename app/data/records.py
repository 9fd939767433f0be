"""Records of a replay: the latest used are open, others packed, the rest in a temporary file."""

from typing import Any

from app.core.domain import Application
from app.data.overflow import Kept


class Records:
    """Records by key. The latest used stay open, which saves reading and packing them.

    Parameters
    ----------
    most
        Records that are open at a time: a card holder's takes some 5 kB, and less than 2 when
        packed. As many more stay in memory packed, the others in a file.
    """

    def __init__(self, application: Application, most: int = 20_000) -> None:
        self.application, self.most = application, most
        self._open: dict[str, Any] = {}  # the latest used is the last
        self._packed = Kept(bytes, most)

    def open(self, key: str) -> Any:
        """The record of a key, to be changed in place."""
        record = self._open.pop(key, None)
        if record is None:
            record = self.application.open(self._packed.pop(key))
            if len(self._open) >= self.most:
                oldest = next(iter(self._open))
                self._packed.put(oldest, self._open.pop(oldest).encode())
        self._open[key] = record
        return record
