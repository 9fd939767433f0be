"""The Faust application that runs a worker: its start and stop, agents and configuration."""

from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar

import faust

from app.errors import StateError
from app.runtime.flow import Flow
from app.runtime.guard import Exit
from app.runtime.mark import discard_if_marked, prepare
from app.runtime.mends import install as mends
from app.runtime.quiet import limit_connection_errors
from app.runtime.worker import Worker
from app.settings import Settings

COMMIT_EVERY = 1.0  # seconds
STOP_LIMIT = 12.0  # seconds: supervisors wait 15 or more before they kill

W = TypeVar("W", bound=Worker)


class WeirApp(faust.App, Generic[W]):
    """The Faust application: starts a worker's parts before its consumer, and stops them after."""

    weir: W

    async def on_start(self) -> None:
        """Runs before anything is consumed; the web views start first."""
        limit_connection_errors()
        self._find_room()
        try:
            await self.web.maybe_start()
        except OSError as error:
            host, port = self.conf.web_bind, self.conf.web_port
            why = f"the web views cannot listen on {host}:{port}: {error.strerror}"
            self.weir.guard.leave(Exit.WEB, why)
        await self.weir.start()
        await super().on_start()

    def _find_room(self) -> None:
        data_dir = self.weir.settings.data_dir
        try:
            prepare(data_dir)
        except OSError as error:
            why = f"cannot write to WEIR_DATA_DIR={data_dir}: {error.strerror}"
            self.weir.guard.leave(Exit.DISK, why)

    async def on_stop(self) -> None:
        """Limit the stop, whatever the broker does; end what reads tables before they close."""
        self.weir.guard.stop_within(STOP_LIMIT)
        self.weir.stop_opening()
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Runs after the consumer has committed and stopped."""
        await super().on_shutdown()
        await self.weir.stop()


def create_app(
    settings: Settings,
    make_worker: Callable[[Settings, faust.App], W],
    leave_out: Collection[str] = frozenset(),
) -> WeirApp[W]:
    """The application of a worker, ready to run in this process, once.

    Parameters
    ----------
    make_worker
        Creates the worker; each of its sources gets an agent.
    leave_out
        Names of mends to leave out, for tests: see `app.runtime.mends.install`.

    Raises
    ------
    StateError
        Local state that is in doubt cannot be removed.
    """
    try:
        discard_if_marked(settings.data_dir)
    except OSError as error:
        raise StateError(f"cannot discard the state in {settings.data_dir}: {error}") from None
    app: WeirApp[W] = WeirApp(settings.app_id, **faust_settings(settings))
    app.weir = worker = make_worker(settings, app)
    mends.install(worker.flow, leave_out)
    for source in worker.sources:
        topic = app.topic(
            source.topic, key_type=bytes, value_type=bytes, partitions=settings.partitions
        )
        app.agent(topic, name=source.name)(_feed(worker.flow))
    return app


def _feed(flow: Flow) -> Any:
    """An agent that moves chunks into their lanes; its acknowledgements do not count."""

    async def agent(stream: Any) -> None:
        stream.noack()
        async for event in stream.events():
            flow.take(event)

    return agent


def faust_settings(settings: Settings) -> dict[str, Any]:
    """Weir's settings under Faust's names, and what Faust must not do."""
    brokers = [f"kafka://{broker.strip()}" for broker in settings.brokers.split(",")]
    return {
        "broker": brokers,
        "broker_session_timeout": settings.session_timeout,
        "broker_heartbeat_interval": settings.session_timeout / 5,
        "broker_request_timeout": max(60.0, settings.session_timeout),
        "broker_commit_interval": COMMIT_EVERY,
        "consumer_group_instance_id": settings.instance_id or None,
        "store": "rocksdb://",
        "datadir": settings.data_dir,
        "table_standby_replicas": 0,
        "topic_allow_declare": False,  # topics are created before workers: see app.runtime.topics
        "topic_disable_leader": True,
        "web_enabled": True,
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "web_stats_enabled": False,
        "web_graph_enabled": False,
        "web_bind": settings.web_host,
        "web_port": settings.web_port,
        "canonical_url": settings.url,
        "stream_wait_empty": False,
        "worker_redirect_stdouts": False,
        "key_serializer": "raw",
        "value_serializer": "raw",
    }
