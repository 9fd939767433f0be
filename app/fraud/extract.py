"""The features of one transaction: each group is filled by a function of its own."""

from collections.abc import Callable, Mapping, Sequence
from math import asin, cos, log, radians, sin, sqrt
from typing import NamedTuple, TypeAlias

from app.fraud.features import FULL, SETS, FeatureSet
from app.fraud.history import cached_hash64
from app.fraud.merchants import MerchantView
from app.fraud.past import WIDTHS, Past
from app.messages import Transaction

HOUR, DAY = 3_600_000, 86_400_000  # ms
RECENT = 14 * DAY
CENT = 0.01  # least amount in a ratio
FARTHEST = 1000.0  # standard deviations
EARTH_KM = 6371.0088  # mean radius
SHORTEST = HOUR // 6  # time between two places, at least: their clocks and positions are rough

Fill: TypeAlias = Callable[[dict[str, float], Transaction, Past, MerchantView], None]


def extract(
    tx: Transaction, past: Past, merchant: MerchantView, features: str = FULL.name
) -> dict[str, float]:
    """The features of a transaction, in the order of the table.

    All values are finite. What has no value is left out: a ratio without a history, a
    distance without coordinates, the age of a run where there is none.

    Parameters
    ----------
    past
        The customer's history before the transaction.
    merchant
        The merchant as labels show it at the transaction's time.
    features
        Name of the feature set.
    """
    fills, names, _ = PLANS[features]
    x: dict[str, float] = {}
    for fill in fills:
        fill(x, tx, past, merchant)
    return x if names is None else {name: x[name] for name in names if name in x}


def asks_for_risks(features: str) -> bool:
    """Whether a feature set needs a merchant's risks."""
    return PLANS[features].risks


def _amounts(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    """The amount, and how it compares with the customer's own."""
    at, amount = tx.at, tx.amount
    x["amount"] = amount
    if not past.count:
        return
    typical, mean, count = max(past.typical, CENT), past.mean, past.count
    # As if two amounts half a mean away came first: a few equal ones are no narrow habit.
    deviation = sqrt((count * past.variance + mean * mean / 2) / (count + 2))
    deviation = max(deviation, CENT)
    x["amount_log_ratio"] = log(max(amount, CENT) / typical)
    x["amount_zscore"] = max(-FARTHEST, min((amount - mean) / deviation, FARTHEST))
    since = at - RECENT
    amounts: Sequence[float] = past.amounts
    if past.ats and min(past.ats) <= since:  # else, and for most, without a loop
        amounts = [a for a, then in zip(amounts, past.ats, strict=True) if then > since]
    if amounts:
        largest = max(max(amounts), CENT)
        x["largest_log_ratio_14d"] = log(largest / typical)
        x["log_ratio_to_largest_14d"] = log(max(amount, CENT) / largest)
    if past.last_spike is not None:
        x["days_since_spike"] = max(at - past.last_spike, 0) / DAY


def _calendar(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    day, time = divmod(tx.at, DAY)
    hour = time // HOUR
    x["hour"] = float(hour)
    x["night"] = 1.0 if hour <= 6 else 0.0
    x["weekend"] = 1.0 if (day + 3) % 7 >= 5 else 0.0  # 1970-01-01 was a Thursday


def windows(names: Mapping[str, object]) -> Fill:
    """What fills the windows that have a feature among `names`."""
    wanted = {
        width: (f"count_{window}", f"mean_{window}")
        for window, width in WIDTHS.items()
        if f"count_{window}" in names or f"mean_{window}" in names
    }
    widths, pairs = tuple(wanted), tuple(wanted.values())

    def fill(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
        amount = tx.amount
        for (count, mean), (earlier, total) in zip(pairs, past.windows(tx.at, widths), strict=True):
            x[count] = events = earlier + 1.0
            x[mean] = (total + amount) / events

    return fill


def _pace(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    if past.last_at is not None:
        x["log_seconds_since_last"] = log(1 + max(tx.at - past.last_at, 0) / 1000)


def _places(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    if tx.lat is None or tx.lon is None:
        return
    place = tx.lat, tx.lon
    if past.home is not None:
        x["km_from_home"] = kilometres(past.home, place)
    if past.last_place is not None and past.last_place_at is not None:
        hours = max(tx.at - past.last_place_at, SHORTEST) / HOUR
        x["kmh_from_last"] = kilometres(past.last_place, place) / hours


def _novelty(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    x["first_at_merchant"] = 0.0 if cached_hash64(tx.merchant) in past.merchants else 1.0


def _merchant(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    x["merchant_risk_1d"] = merchant.risk_1d
    x["merchant_risk_7d"] = merchant.risk_7d
    x["merchant_risk_30d"] = merchant.risk_30d
    x["merchant_labels"] = merchant.labels
    x["merchant_run"] = float(merchant.run)
    if merchant.run_days is not None:
        x["merchant_run_days"] = merchant.run_days
    x["merchant_unexplained_run"] = float(merchant.unexplained_run)
    if merchant.unexplained_days is not None:
        x["merchant_unexplained_days"] = merchant.unexplained_days
    if merchant.unexplained_age is not None:
        x["merchant_unexplained_age"] = merchant.unexplained_age
    x["merchant_alarm"] = merchant.alarm
    if merchant.alarm_age is not None:
        x["merchant_alarm_age"] = merchant.alarm_age
    x["location_frauds"] = float(merchant.location_frauds)


def _customer(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    frauds = past.frauds
    x["customer_frauds_14d"] = (
        float(sum(known > tx.at - RECENT for known in frauds)) if frauds else 0.0
    )


def kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) in degrees, by the haversine formula.

    >>> round(kilometres((52.52, 13.405), (48.8566, 2.3522)))
    877
    """
    lat, other = radians(here[0]), radians(there[0])
    height = sin((other - lat) / 2) ** 2
    width = sin(radians(there[1] - here[1]) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(height + cos(lat) * cos(other) * width, 1.0)))


# In the order of the table.
FILLS: Mapping[str, Fill] = {
    "amounts": _amounts,
    "calendar": _calendar,
    "windows": windows(FULL.grids),
    "pace": _pace,
    "places": _places,
    "novelty": _novelty,
    "merchant": _merchant,
    "customer": _customer,
}


class Plan(NamedTuple):
    """How a feature set is filled: what is kept, None for all, and whether it asks for risks."""

    fills: tuple[Fill, ...]
    names: tuple[str, ...] | None
    risks: bool


def plan(features: FeatureSet) -> Plan:
    """The groups that have a feature in the set, and of the windows those that it asks for."""
    groups = features.groups
    fills = {**FILLS, "windows": windows(features.grids)}
    names = None if features == FULL else tuple(features.grids)
    chosen = tuple(fill for group, fill in fills.items() if group in groups)
    return Plan(chosen, names, any(name.startswith("merchant_risk_") for name in features.grids))


PLANS: Mapping[str, Plan] = {name: plan(features) for name, features in SETS.items()}
