"""What a model sees of a transaction: one table of features, and one function that fills it."""

from collections.abc import Mapping, Sequence
from math import asin, cos, log, radians, sin, sqrt
from typing import NamedTuple

from app.fraud import grids
from app.fraud.history import cached_hash64
from app.fraud.merchants import MerchantView
from app.fraud.past import Past
from app.messages import Transaction

HOUR, DAY = 3_600_000, 86_400_000  # ms
RECENT = 14 * DAY
CENT = 0.01  # least amount in a ratio
FARTHEST = 1000.0  # standard deviations
EARTH_KM = 6371.0088  # mean radius
SHORTEST = HOUR // 6  # time between two places, at least: their clocks and positions are rough


class Feature(NamedTuple):
    """A named input of the models, with the bin edges that binned models use."""

    name: str
    unit: str
    sentence: str
    grid: grids.Grid


# fmt: off
FEATURES: tuple[Feature, ...] = (
    Feature("amount", "currency", "Amount of the transaction.", grids.AMOUNTS),
    Feature("amount_log_ratio", "ln", "Log of the amount over the customer's typical amount.", grids.RATIOS),
    Feature("amount_zscore", "sd", "Amount less the mean of earlier ones, in their standard deviations.", grids.SCORES),
    Feature("largest_log_ratio_14d", "ln", "Log of the largest recent amount of 14 days over the typical amount.", grids.RATIOS),
    Feature("log_ratio_to_largest_14d", "ln", "Log of the amount over the largest recent amount of 14 days.", grids.RATIOS),
    Feature("days_since_spike", "d", "Days since an amount far above the typical one.", grids.DAYS),
    Feature("hour", "h", "Hour of the day, UTC.", grids.HOURS),
    Feature("night", "0/1", "1 before seven in the morning, UTC.", grids.YES),
    Feature("weekend", "0/1", "1 on Saturday and Sunday, UTC.", grids.YES),
    Feature("count_1m", "1", "Transactions of the last minute, this one included, as in all windows.", grids.COUNTS),
    Feature("mean_1m", "currency", "Mean amount of the last minute.", grids.MEANS),
    Feature("count_5m", "1", "Transactions of the last 5 minutes.", grids.COUNTS),
    Feature("mean_5m", "currency", "Mean amount of the last 5 minutes.", grids.MEANS),
    Feature("count_60m", "1", "Transactions of the last 60 minutes.", grids.COUNTS),
    Feature("mean_60m", "currency", "Mean amount of the last 60 minutes.", grids.MEANS),
    Feature("count_1d", "1", "Transactions of the last day.", grids.COUNTS),
    Feature("mean_1d", "currency", "Mean amount of the last day.", grids.MEANS),
    Feature("count_7d", "1", "Transactions of the last 7 days.", grids.COUNTS),
    Feature("mean_7d", "currency", "Mean amount of the last 7 days.", grids.MEANS),
    Feature("count_30d", "1", "Transactions of the last 30 days.", grids.COUNTS),
    Feature("mean_30d", "currency", "Mean amount of the last 30 days.", grids.MEANS),
    Feature("log_seconds_since_last", "ln s", "Log of 1 + the seconds since the last transaction.", grids.LOG_SECONDS),
    Feature("km_from_home", "km", "Distance from the customer's home.", grids.KM),
    Feature("kmh_from_last", "km/h", "Speed from the last place, over ten minutes at least.", grids.KMH),
    Feature("first_at_merchant", "0/1", "1 when no recent transaction was at this merchant.", grids.YES),
    Feature("merchant_risk_1d", "share", "Smoothed share of fraud in the merchant's labels of 1 day.", grids.SHARES),
    Feature("merchant_risk_7d", "share", "Smoothed share of fraud in the merchant's labels of 7 days.", grids.SHARES),
    Feature("merchant_risk_30d", "share", "Smoothed share of fraud in the merchant's labels of 30 days.", grids.SHARES),
    Feature("merchant_labels", "1", "Labels of the merchant so far.", grids.LABELS),
    Feature("merchant_run", "1", "Fraud labels of the merchant since its last legitimate one.", grids.FEW),
    Feature("merchant_run_days", "d", "Days since that run began.", grids.DAYS),
    Feature("merchant_unexplained_run", "1", "As merchant_run, of frauds whose amount does not stand out.", grids.FEW),
    Feature("merchant_unexplained_days", "d", "Days since that run began.", grids.DAYS),
    Feature("merchant_unexplained_age", "d", "Days since the transaction with which that run began.", grids.DAYS),
    Feature("merchant_alarm", "1", "Such frauds, less a third of the legitimate labels since; 4 at most.", grids.THIRDS),
    Feature("merchant_alarm_age", "d", "Days since the transaction that raised this alarm.", grids.DAYS),
    Feature("location_frauds", "1", "Frauds at this merchant in this location.", grids.FEW),
    Feature("customer_frauds_14d", "1", "Fraud labels of the customer within 14 days.", grids.FEW),
)
# fmt: on

GRIDS: Mapping[str, Sequence[float]] = {feature.name: feature.grid for feature in FEATURES}

# The windows of Past.windows, in its order.
WINDOWS = tuple((f"count_{w}", f"mean_{w}") for w in ("1m", "5m", "60m", "1d", "7d", "30d"))


def extract(tx: Transaction, past: Past, merchant: MerchantView) -> dict[str, float]:
    """The features of a transaction, in the order of the table.

    All values are finite. What has no value is left out: a ratio without a history, a
    distance without coordinates, the age of a run where there is none.

    Parameters
    ----------
    past
        The customer's history before the transaction.
    merchant
        The merchant as labels show it at the transaction's time.
    """
    at, amount = tx.at, tx.amount
    x = {"amount": amount}
    if past.count:
        _compare(x, amount, at, past)
    day, time = divmod(at, DAY)
    hour = time // HOUR
    x["hour"] = float(hour)
    x["night"] = 1.0 if hour <= 6 else 0.0
    x["weekend"] = 1.0 if (day + 3) % 7 >= 5 else 0.0  # 1970-01-01 was a Thursday
    for (count, mean), (earlier, total) in zip(WINDOWS, past.windows(at), strict=True):
        x[count] = float(earlier + 1)
        x[mean] = (total + amount) / (earlier + 1)
    if past.last_at is not None:
        x["log_seconds_since_last"] = log(1 + max(at - past.last_at, 0) / 1000)
    if tx.lat is not None and tx.lon is not None:
        _measure_way(x, (tx.lat, tx.lon), at, past)
    x["first_at_merchant"] = 0.0 if cached_hash64(tx.merchant) in past.merchants else 1.0
    _describe(x, merchant)
    frauds = past.frauds
    x["customer_frauds_14d"] = (
        float(sum(known > at - RECENT for known in frauds)) if frauds else 0.0
    )
    return x


def _compare(x: dict[str, float], amount: float, at: int, past: Past) -> None:
    """Against the customer's own amounts."""
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


def _measure_way(x: dict[str, float], place: tuple[float, float], at: int, past: Past) -> None:
    if past.home is not None:
        x["km_from_home"] = kilometres(past.home, place)
    if past.last_place is not None and past.last_place_at is not None:
        hours = max(at - past.last_place_at, SHORTEST) / HOUR
        x["kmh_from_last"] = kilometres(past.last_place, place) / hours


def _describe(x: dict[str, float], merchant: MerchantView) -> None:
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


def kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude) in degrees, by the haversine formula.

    >>> round(kilometres((52.52, 13.405), (48.8566, 2.3522)))
    877
    """
    lat, other = radians(here[0]), radians(there[0])
    height = sin((other - lat) / 2) ** 2
    width = sin(radians(there[1] - here[1]) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(height + cos(lat) * cos(other) * width, 1.0)))


def table() -> str:
    """The table of features as the Markdown of docs/features.md."""
    rows = [f"| `{f.name}` | {f.unit} | {f.sentence} | {len(f.grid)} |" for f in FEATURES]
    return HEAD + "\n".join(rows) + "\n"


HEAD = """\
# Features

What the models see of a transaction, in the order of `FEATURES` in `app/fraud/features.py`.
Times and amounts come from the records alone. A feature that has no value is left out.
Edges: how many fixed bin edges the binned models use.

| feature | unit | meaning | edges |
|---|---|---|---|
"""
