"""When a partition began to decide, and from where its predictions are read for maturity."""

from app.core.maturity import Maturity, start_of
from app.serving.prediction_log import PredictionLog
from app.serving.ripeness import Ripeness
from app.units import HOUR_MS


async def begun(
    rule: Maturity, kept: Ripeness, log: PredictionLog, offsets: range, newest: int
) -> Ripeness:
    """What maturity goes on with after a start of the worker: start and positions.

    Parameters
    ----------
    rule
        What matures, and when.
    kept
        What was kept of an earlier life of the partition.
    log, offsets
        The partition's predictions, and the offsets that there are; at least one.
    newest
        When the newest of them was written, epoch ms.

    Returns
    -------
    Ripeness
        With a start. It is `kept` where that can go on as it is.
    """
    through, reviewed, start, raised = kept
    if start is not None and raised:
        return await _in_a_new_epoch(rule, kept, log, offsets, newest)
    position = max(offsets.start, through)
    oldest = await log.written_at(position) if position < offsets.stop else newest
    anew = rule.begins_anew(oldest, newest)
    if start is not None and (not anew or oldest < start):
        return kept  # what claims to be older than the partition is somebody else's record
    if through and not anew:  # an earlier release matured, all at the full age
        return kept._replace(start=oldest - rule.after)
    start = start_of(oldest, newest, rule.after)
    first = await log.first_since(start, offsets.stop)
    return Ripeness(max(first, through), max(first, reviewed), start)


async def _in_a_new_epoch(
    rule: Maturity, kept: Ripeness, log: PredictionLog, offsets: range, newest: int
) -> Ripeness:
    """The partition is as old as before, but its log is read again.

    Not from where it would begin anew: all of that would be due at once, and most of it has
    matured. An hour less, or a restart while the log is read would find its beginning too old.
    """
    first = await log.first_since(rule.latest_too_old(newest) + HOUR_MS, offsets.stop)
    return Ripeness(max(first, kept.through), max(first, kept.reviewed), kept.start)
