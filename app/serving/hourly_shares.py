"""Which share of an hour's predictions matures: the more there are, the smaller it is."""

from app.core.maturity import Maturity
from app.serving.prediction_log import PredictionLog
from app.units import HOUR_MS


class HourlyShares:
    """The share of the predictions of each hour of a partition that matures.

    It follows from how many predictions the hour has in the log. So once the hour is over it is
    the same at whatever moment it is asked, and nothing has to be stored. The latest hour asked
    for is remembered.

    Parameters
    ----------
    rule
        The share, and the labels a second from which it falls.
    """

    def __init__(self, rule: Maturity) -> None:
        self.rule = rule
        self._hour, self._share = -1, 0.0  # since 1970

    async def at(self, log: PredictionLog, written: int) -> float:
        """The share, in 1/64..1, of predictions written at a time (epoch ms)."""
        hour = written // HOUR_MS
        if self._hour != hour:
            end = (await log.offsets()).stop
            first, last = [await log.first_since(h * HOUR_MS, end) for h in (hour, hour + 1)]
            self._hour, self._share = hour, self.rule.share_at(1000 * (last - first) / HOUR_MS)
        return self._share
