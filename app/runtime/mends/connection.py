"""A mend of aiokafka's connections, for `app.runtime.mends.install`."""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

from app.runtime.flow import Flow


def notice_closed_transports(flow: Flow) -> None:
    """Treat a write to a transport that has just closed as a broken connection.

    uvloop raises a RuntimeError. Stock expects an OSError, so the task that keeps a client's
    metadata up to date fails unnoticed: the client then waits for its coordinator forever.
    """
    send = AIOKafkaConnection.send

    def send_if_open(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
        if self._writer is not None and self._writer.transport.is_closing():
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self._host}:{self._port} closed")
        return send(self, request, expect_response)

    AIOKafkaConnection.send = send_if_open
