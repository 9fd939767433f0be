"""What a model sees of a transaction: one table of features, and the sets one can choose."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.errors import SettingsError
from app.streams.fraud import grids


class Feature(NamedTuple):
    """A named input of the models, with the bin edges that binned models use.

    Features of a `group` are computed together, by a function of `app.streams.fraud.extract`.
    """

    name: str
    group: str
    unit: str
    sentence: str
    grid: grids.Grid


# fmt: off
FEATURES: tuple[Feature, ...] = (
    Feature("amount", "amounts", "currency", "Amount of the transaction.", grids.AMOUNTS),
    Feature("amount_log_ratio", "amounts", "ln", "Log of the amount over the customer's typical amount.", grids.RATIOS),
    Feature("amount_zscore", "amounts", "sd", "Amount less the mean of earlier ones, in their standard deviations.", grids.SCORES),
    Feature("largest_log_ratio_14d", "amounts", "ln", "Log of the largest recent amount of 14 days over the typical amount.", grids.RATIOS),
    Feature("log_ratio_to_largest_14d", "amounts", "ln", "Log of the amount over the largest recent amount of 14 days.", grids.RATIOS),
    Feature("days_since_spike", "amounts", "d", "Days since an amount far above the typical one.", grids.DAYS),
    Feature("hour", "calendar", "h", "Hour of the day, UTC.", grids.HOURS),
    Feature("night", "calendar", "0/1", "1 before seven in the morning, UTC.", grids.YES),
    Feature("weekend", "calendar", "0/1", "1 on Saturday and Sunday, UTC.", grids.YES),
    Feature("count_1m", "windows", "1", "Transactions of the last minute, this one included, as in all windows.", grids.COUNTS),
    Feature("mean_1m", "windows", "currency", "Mean amount of the last minute.", grids.MEANS),
    Feature("count_5m", "windows", "1", "Transactions of the last 5 minutes.", grids.COUNTS),
    Feature("mean_5m", "windows", "currency", "Mean amount of the last 5 minutes.", grids.MEANS),
    Feature("count_60m", "windows", "1", "Transactions of the last 60 minutes.", grids.COUNTS),
    Feature("mean_60m", "windows", "currency", "Mean amount of the last 60 minutes.", grids.MEANS),
    Feature("count_1d", "windows", "1", "Transactions of the last day.", grids.COUNTS),
    Feature("mean_1d", "windows", "currency", "Mean amount of the last day.", grids.MEANS),
    Feature("count_7d", "windows", "1", "Transactions of the last 7 days.", grids.COUNTS),
    Feature("mean_7d", "windows", "currency", "Mean amount of the last 7 days.", grids.MEANS),
    Feature("count_30d", "windows", "1", "Transactions of the last 30 days.", grids.COUNTS),
    Feature("mean_30d", "windows", "currency", "Mean amount of the last 30 days.", grids.MEANS),
    Feature("log_seconds_since_last", "pace", "ln s", "Log of 1 + the seconds since the last transaction.", grids.LOG_SECONDS),
    Feature("km_from_home", "places", "km", "Distance from the customer's home.", grids.KM),
    Feature("kmh_from_last", "places", "km/h", "Speed from the last place, over ten minutes at least.", grids.KMH),
    Feature("first_at_merchant", "novelty", "0/1", "1 when no recent transaction was at this merchant.", grids.YES),
    Feature("merchant_risk_1d", "merchant", "share", "Smoothed share of fraud in the merchant's labels of 1 day.", grids.SHARES),
    Feature("merchant_risk_7d", "merchant", "share", "Smoothed share of fraud in the merchant's labels of 7 days.", grids.SHARES),
    Feature("merchant_risk_30d", "merchant", "share", "Smoothed share of fraud in the merchant's labels of 30 days.", grids.SHARES),
    Feature("merchant_labels", "merchant", "1", "Labels of the merchant so far.", grids.LABELS),
    Feature("merchant_run", "merchant", "1", "Fraud labels of the merchant since its last legitimate one.", grids.FEW),
    Feature("merchant_run_days", "merchant", "d", "Days since that run began.", grids.DAYS),
    Feature("merchant_unexplained_run", "merchant", "1", "As merchant_run, of frauds whose amount does not stand out.", grids.FEW),
    Feature("merchant_unexplained_days", "merchant", "d", "Days since that run began.", grids.DAYS),
    Feature("merchant_unexplained_age", "merchant", "d", "Days since the transaction with which that run began.", grids.DAYS),
    Feature("merchant_alarm", "merchant", "1", "Such frauds, less a third of the legitimate labels since; 4 at most.", grids.THIRDS),
    Feature("merchant_alarm_age", "merchant", "d", "Days since the transaction that raised this alarm.", grids.DAYS),
    Feature("location_frauds", "merchant", "1", "Frauds at this merchant in this location.", grids.FEW),
    Feature("customer_frauds_14d", "customer", "1", "Fraud labels of the customer within 14 days.", grids.FEW),
)
# fmt: on

GRIDS: Mapping[str, Sequence[float]] = {feature.name: feature.grid for feature in FEATURES}


class FeatureSet(NamedTuple):
    """Features that are computed, learned and sent with decisions, in the order of the table."""

    name: str
    sentence: str
    grids: Mapping[str, Sequence[float]]  # bin edges by feature name

    @property
    def groups(self) -> set[str]:
        """The groups that have a feature in the set."""
        return {feature.group for feature in FEATURES if feature.name in self.grids}


# What rules and merchants' statistics read, and five more: each in turn the one that added most to
# the average precision of 2018-06-20 to 07-17, until the next one added next to nothing.
FEW = {
    *("amount", "amount_log_ratio", "amount_zscore"),
    *("largest_log_ratio_14d", "log_ratio_to_largest_14d"),
    *("count_5m", "count_30d", "kmh_from_last"),
    *("merchant_run", "merchant_run_days", "merchant_alarm"),
    *("merchant_unexplained_days", "merchant_unexplained_age"),
}
FULL = FeatureSet("fraud-full", "All features.", GRIDS)
SMALL = FeatureSet(
    "fraud-small",
    "The features that carry most.",
    {name: grid for name, grid in GRIDS.items() if name in FEW},
)
SETS: Mapping[str, FeatureSet] = {each.name: each for each in (FULL, SMALL)}


def feature_set(name: str) -> FeatureSet:
    """The feature set of that name.

    Raises
    ------
    SettingsError
        Names the sets when there is none of that name.
    """
    if name not in SETS:
        raise SettingsError(f"there is no feature set {name!r}; choose one of {', '.join(SETS)}")
    return SETS[name]


def table() -> str:
    """The table of features as the Markdown of docs/features.md."""
    rows = [
        f"| `{f.name}` | {'yes' if f.name in SMALL.grids else ''} | {f.unit} | {f.sentence} "
        f"| {len(f.grid)} |"
        for f in FEATURES
    ]
    return HEAD + "\n".join(rows) + "\n"


HEAD = """\
# Features

What the models see of a transaction, in the order of `FEATURES` in `app/streams/fraud/features.py`.
Times and amounts come from the records alone. A feature that has no value is left out.
Edges: how many fixed bin edges the binned models use.

`WEIR_FEATURES` chooses a set: `fraud-full` has all features, `fraud-small` those that are marked as
small. What is not in the set is neither learned nor sent with decisions, and what takes time is not
computed. Rules and merchants' statistics are the same with both. Every worker needs the same set. After
a change workers learn the whole log anew, of old examples what the new set has; `weir model verify` does
not compare decisions that were made with the old one.
[learning.md](learning.md) says how well both do, [performance.md](performance.md) what they cost.

| feature | small | unit | meaning | edges |
|---|---|---|---|---|
"""
