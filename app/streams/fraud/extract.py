"""The features of one transaction: each group is filled by a function of its own."""

from collections.abc import Callable, Mapping, Sequence
from math import asin, copysign, cos, log, pi, radians, sin, sqrt
from typing import NamedTuple, TypeAlias

from app.core.hashing import cached_hash64
from app.streams.fraud.features import FULL, SETS, FeatureSet
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.running import NEVER
from app.streams.fraud.history.widths import WIDTHS
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.merchants import MerchantView
from app.streams.fraud.messages import Transaction
from app.units import DAY_MS, HOUR_MS

RECENT = 14 * DAY_MS
CENT = 0.01  # least amount in a ratio
FARTHEST = 1000.0  # standard deviations
EARTH_KM = 6371.0088  # mean radius
SHORTEST = HOUR_MS // 6  # time between two places, at least: their clocks and positions are rough

Look: TypeAlias = Callable[[Transaction, Past, Knowledge], dict[str, float]]
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


def look(features: FeatureSet) -> Look:
    """The function that computes the features of a transaction, for `Application.look`.

    Those derived from the fields of the statistics follow the ones of the set.
    """
    name, risks = features.name, PLANS[features.name].risks
    rated = "merchant_amount_rate" in features.grids

    def features_of(tx: Transaction, past: Past, knowledge: Knowledge) -> dict[str, float]:
        base, rate = knowledge.merchants.base, None
        if rated:
            rate = knowledge.rates.of_merchant(tx.merchant, tx.amount, base)
        merchant = knowledge.merchants.view(tx.merchant, tx.location, tx.at, risks, rate)
        x = extract(tx, past, merchant, name)
        if knowledge.inputs is not None:
            rates, quantiles = knowledge.rates, knowledge.quantiles
            knowledge.inputs.fill(x, tx, rates, quantiles, base, past.habits)
        return x

    return features_of


def _amounts(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    """The amount, and how it compares with the customer's own."""
    at, amount, running = tx.at, tx.amount, past.running
    count, mean = running.events, running.mean
    x["amount"] = amount
    if not count:
        return
    # As if two amounts half a mean away came first: a few equal ones are not a narrow habit.
    deviation = sqrt((count * past.variance + mean * mean / 2) / (count + 2))
    known, typical = _at_least(CENT, amount), _at_least(CENT, running.typical)
    x["amount_log_ratio"] = log(known / typical)
    score = (amount - mean) / _at_least(CENT, deviation)
    x["amount_zscore"] = score if -FARTHEST < score < FARTHEST else copysign(FARTHEST, score)
    since, ats = at - RECENT, past.ats
    amounts: Sequence[float] = past.amounts
    if ats and min(ats) <= since:  # otherwise, which is most of the time, without a loop
        amounts = [a for a, then in zip(amounts, ats, strict=True) if then > since]
    if amounts:
        largest = _at_least(CENT, max(amounts))
        x["largest_log_ratio_14d"] = log(largest / typical)
        x["log_ratio_to_largest_14d"] = log(known / largest)
    if running.last_spike != NEVER:
        x["days_since_spike"] = _at_least(0, at - running.last_spike) / DAY_MS


def _calendar(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    day, time = divmod(tx.at, DAY_MS)
    hour = time // HOUR_MS
    x["hour"] = float(hour)
    x["night"] = 1.0 if hour <= 6 else 0.0
    x["weekend"] = 1.0 if (day + 3) % 7 >= 5 else 0.0  # 1970-01-01 was a Thursday


def windows(names: Mapping[str, object]) -> Fill:
    """The function that fills the windows that have a feature among `names`."""
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
    last = past.running.last_at
    if last != NEVER:
        x["log_seconds_since_last"] = log(1 + _at_least(0, tx.at - last) / 1000)


def _places(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    lat, lon, running = tx.lat, tx.lon, past.running
    if lat is None or lon is None or not running.places:
        return
    x["km_from_home"] = kilometres(running.home_lat, running.home_lon, lat, lon)
    hours = _at_least(SHORTEST, tx.at - running.last_place_at) / HOUR_MS
    x["kmh_from_last"] = kilometres(running.last_lat, running.last_lon, lat, lon) / hours


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
    if merchant.amount_rate is not None:
        x["merchant_amount_rate"] = merchant.amount_rate


def _customer(x: dict[str, float], tx: Transaction, past: Past, merchant: MerchantView) -> None:
    frauds = past.frauds
    x["customer_frauds_14d"] = (
        float(sum(known > tx.at - RECENT for known in frauds)) if frauds else 0.0
    )


def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance of two places in degrees, by the haversine formula.

    >>> round(kilometres(52.52, 13.405, 48.8566, 2.3522))
    877
    """
    lat, other_lat = radians(lat), radians(other_lat)
    height = sin((other_lat - lat) / 2) ** 2
    width = sin(radians(other_lon - lon) / 2) ** 2
    haversine = height + cos(lat) * cos(other_lat) * width
    return 2 * EARTH_KM * asin(sqrt(haversine)) if haversine < 1 else pi * EARTH_KM


def _at_least(least: float, value: float) -> float:
    """As `max`, in a third of its time."""
    return value if value > least else least


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
    """The groups that have a feature in the set, with only those windows that it asks for."""
    groups = features.groups
    fills = {**FILLS, "windows": windows(features.grids)}
    names = None if features == FULL else tuple(features.grids)
    chosen = tuple(fill for group, fill in fills.items() if group in groups)
    return Plan(chosen, names, any(name.startswith("merchant_risk_") for name in features.grids))


PLANS: Mapping[str, Plan] = {name: plan(features) for name, features in SETS.items()}
