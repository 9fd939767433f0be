"""The clock that stalls and leases are measured with."""

import time

# Wall time jumps, so it cannot measure durations. Linux's monotonic clock stops while the machine
# is suspended, but the group does not: the boot-time clock counts that time too.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds since some fixed moment, including time suspended; never goes back."""
    return time.clock_gettime(_CLOCK)
