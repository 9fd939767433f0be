"""The lease: for how long the group is sure to count this worker as a member."""

import asyncio

import pytest

from app.runtime.lease import LEASE_SHARE, Lease

SESSION = 10.0
LIMIT = LEASE_SHARE * SESSION


@pytest.mark.parametrize(
    ("renewals", "later", "valid"),
    [
        pytest.param([], 1000.0, True, id="before the first join nothing is to lose"),
        pytest.param([0.0], LIMIT, True, id="up to the limit"),
        pytest.param([0.0], LIMIT + 0.1, False, id="no heartbeat acknowledged for too long"),
        pytest.param([0.0, 5.0], 5.0 + LIMIT, True, id="counted from the last one"),
        pytest.param([5.0, 0.0], 5.0 + LIMIT, True, id="a late answer takes nothing back"),
    ],
)
def test_a_lease_lasts_from_the_moment_a_heartbeat_was_sent(renewals, later, valid):
    now = 0.0
    lease = Lease(SESSION, clock=lambda: now)
    for sent in renewals:
        lease.renew(sent)
    now = later
    assert lease.valid is valid


async def test_who_waits_goes_on_once_the_group_has_answered():
    now = LIMIT + 1
    lease = Lease(SESSION, clock=lambda: now)
    lease.renew(0.0)
    waiting = asyncio.ensure_future(lease.wait())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    lease.renew(now)
    await asyncio.wait_for(waiting, 5)
