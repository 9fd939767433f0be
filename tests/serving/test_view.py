"""Readiness: a worker is ready when every transaction that comes is decided as it should be."""

from types import SimpleNamespace as Thing

import pytest

from app.serving.view import View


def worker(
    open: bool = True,
    rebalancing: bool = False,
    recovered: bool = True,
    caught_up: bool = True,
    missing: str | None = None,
    degraded: bool = False,
    held: tuple[int, ...] = (0, 1),
    opened: tuple[int, ...] = (0, 1),
    late: str | None = None,
    doubt: str | None = None,
) -> Thing:
    """A worker as its view sees it."""
    recovery = Thing(completed=Thing(is_set=lambda: recovered))
    follower = Thing(
        caught_up=Thing(is_set=lambda: caught_up),
        lag=7,
        missing=missing,
        degraded=lambda: degraded,
    )
    return Thing(
        settings=None,
        setup=Thing(application=None),
        topics=None,
        sensors=None,
        app=Thing(rebalancing=rebalancing, tables=Thing(recovery=recovery)),
        flow=Thing(open=open),
        follower=follower,
        watch=Thing(doubt=doubt),
        delays=Thing(why=lambda: late),
        assigned=lambda: held,
        opened=lambda partition: partition in opened,
    )


@pytest.mark.parametrize(
    ("state", "why"),
    [
        pytest.param({}, None, id="ready"),
        pytest.param({"held": (), "opened": ()}, None, id="a worker to spare is ready"),
        pytest.param({"open": False}, "is rebalancing", id="not assigned"),
        pytest.param({"rebalancing": True}, "is rebalancing", id="rebalancing"),
        pytest.param({"recovered": False}, "tables are being recovered", id="recovering"),
        pytest.param({"missing": "5000.ab"}, "waits for its snapshot", id="restoring"),
        pytest.param({"caught_up": False}, "7 examples behind", id="learning state is loading"),
        pytest.param({"degraded": True}, "7 examples behind", id="learning state is behind"),
        pytest.param({"opened": (0,)}, "being read back", id="decisions are read back"),
        pytest.param({"doubt": "transactions has 8"}, "has 8", id="topics have changed"),
        pytest.param({"late": "no heartbeat"}, "no heartbeat", id="held"),
        pytest.param({"late": "no disk", "degraded": True}, "no disk", id="the cause comes first"),
    ],
)
def test_a_worker_says_why_it_is_not_ready(state: dict, why: str | None):
    unready = View(worker(**state)).unready()
    assert unready is None if why is None else why in (unready or "")
