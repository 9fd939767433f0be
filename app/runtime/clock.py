"""The clock that stalls and leases are measured with."""

import time

# Wall time jumps, so it cannot tell how long something took. Linux' monotonic clock stands still
# while the machine is suspended, which the group does not: its boot-time clock counts that too.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds since some moment, sleep of the machine included; never goes back."""
    return time.clock_gettime(_CLOCK)
