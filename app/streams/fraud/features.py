"""What a model sees of a transaction: one table of features, and the sets to choose from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.core import grids
from app.core.domain import Feature
from app.core.phrases import either, since, times
from app.errors import SettingsError
from app.streams.fraud import grids as cards

# fmt: off
FEATURES: tuple[Feature, ...] = (
    Feature("amount", "amounts", "currency", "Amount of the transaction.", cards.AMOUNTS, "amount", "amount {:.2f}"),
    Feature("amount_log_ratio", "amounts", "ln", "Log of the amount over the customer's typical amount.", grids.RATIOS, "amount", "amount is {} times the typical amount", times),
    Feature("amount_zscore", "amounts", "sd", "Amount less the mean of earlier ones, in their standard deviations.", cards.SCORES, "amount", "amount is {:.1f} standard deviations from the mean"),
    Feature("largest_log_ratio_14d", "amounts", "ln", "Log of the largest recent amount within 14 days over the typical amount.", grids.RATIOS, "spending", "largest amount of 14 days is {} times the typical amount", times),
    Feature("log_ratio_to_largest_14d", "amounts", "ln", "Log of the amount over the largest recent amount within 14 days.", grids.RATIOS, "amount", "amount is {} times the largest of 14 days", times),
    Feature("days_since_spike", "amounts", "d", "Days since an amount far above the typical one.", grids.DAYS, "spending", "an unusually high amount {:.1f} days ago"),
    Feature("hour", "calendar", "h", "Hour of the day, UTC.", grids.HOURS, "time", "at {:.0f} h UTC"),
    Feature("night", "calendar", "0/1", "1 before seven in the morning, UTC.", grids.YES, "time", "{}", either("not at night", "at night, UTC")),
    Feature("weekend", "calendar", "0/1", "1 on Saturday and Sunday, UTC.", grids.YES, "time", "{}", either("on a working day", "at the weekend")),
    Feature("count_1m", "windows", "1", "Transactions of the last minute, this one included, as in all windows.", grids.COUNTS, "pace", "transactions within a minute: {:.0f}"),
    Feature("mean_1m", "windows", "currency", "Mean amount of the last minute.", cards.MEANS, "spending", "mean amount {:.2f} within a minute"),
    Feature("count_5m", "windows", "1", "Transactions of the last 5 minutes.", grids.COUNTS, "pace", "transactions within 5 minutes: {:.0f}"),
    Feature("mean_5m", "windows", "currency", "Mean amount of the last 5 minutes.", cards.MEANS, "spending", "mean amount {:.2f} within 5 minutes"),
    Feature("count_60m", "windows", "1", "Transactions of the last 60 minutes.", grids.COUNTS, "pace", "transactions within an hour: {:.0f}"),
    Feature("mean_60m", "windows", "currency", "Mean amount of the last 60 minutes.", cards.MEANS, "spending", "mean amount {:.2f} within an hour"),
    Feature("count_1d", "windows", "1", "Transactions of the last day.", grids.COUNTS, "pace", "transactions within a day: {:.0f}"),
    Feature("mean_1d", "windows", "currency", "Mean amount of the last day.", cards.MEANS, "spending", "mean amount {:.2f} within a day"),
    Feature("count_7d", "windows", "1", "Transactions of the last 7 days.", grids.COUNTS, "pace", "transactions within 7 days: {:.0f}"),
    Feature("mean_7d", "windows", "currency", "Mean amount of the last 7 days.", cards.MEANS, "spending", "mean amount {:.2f} within 7 days"),
    Feature("count_30d", "windows", "1", "Transactions of the last 30 days.", grids.COUNTS, "pace", "transactions within 30 days: {:.0f}"),
    Feature("mean_30d", "windows", "currency", "Mean amount of the last 30 days.", cards.MEANS, "spending", "mean amount {:.2f} within 30 days"),
    Feature("log_seconds_since_last", "pace", "ln s", "Log of 1 + the seconds since the last transaction.", grids.LOG_SECONDS, "pace", "{} after the last transaction", since),
    Feature("km_from_home", "places", "km", "Distance from the customer's home.", cards.KM, "place", "{:,.0f} km from home"),
    Feature("kmh_from_last", "places", "km/h", "Speed from the last place, over ten minutes at least.", cards.KMH, "place", "{:,.0f} km/h from the last place"),
    Feature("first_at_merchant", "novelty", "0/1", "1 when no recent transaction was at this merchant.", grids.YES, "novelty", "{}", either("a known merchant", "a new merchant")),
    Feature("merchant_risk_1d", "merchant", "share", "Smoothed share of fraud in the merchant's labels of 1 day.", grids.SHARES, "merchant", "merchant's fraud rate of 1 day is {:.1%}"),
    Feature("merchant_risk_7d", "merchant", "share", "Smoothed share of fraud in the merchant's labels of 7 days.", grids.SHARES, "merchant", "merchant's fraud rate of 7 days is {:.1%}"),
    Feature("merchant_risk_30d", "merchant", "share", "Smoothed share of fraud in the merchant's labels of 30 days.", grids.SHARES, "merchant", "merchant's fraud rate of 30 days is {:.1%}"),
    Feature("merchant_labels", "merchant", "1", "Labels of the merchant so far.", cards.LABELS, "merchant", "labels of the merchant: {:.0f}"),
    Feature("merchant_run", "merchant", "1", "Fraud labels of the merchant since its last legitimate one.", grids.FEW, "merchant", "frauds in a row at the merchant: {:.0f}"),
    Feature("merchant_run_days", "merchant", "d", "Days since that run began.", grids.DAYS, "merchant", "frauds without a break at the merchant for {:.1f} days"),
    Feature("merchant_unexplained_run", "merchant", "1", "As merchant_run, of frauds whose amount does not stand out.", grids.FEW, "merchant", "frauds with usual amounts in a row at the merchant: {:.0f}"),
    Feature("merchant_unexplained_days", "merchant", "d", "Days since that run began.", grids.DAYS, "merchant", "frauds with usual amounts at the merchant for {:.1f} days"),
    Feature("merchant_unexplained_age", "merchant", "d", "Days since the transaction with which that run began.", grids.DAYS, "merchant", "the first of the merchant's frauds in a row was {:.1f} days ago"),
    Feature("merchant_alarm", "merchant", "1", "Such frauds, less a third of the legitimate labels since; 4 at most.", cards.THIRDS, "merchant", "frauds with usual amounts at the merchant, less legitimate ones: {:.1f}"),
    Feature("merchant_alarm_age", "merchant", "d", "Days since the transaction that raised this alarm.", grids.DAYS, "merchant", "such frauds at the merchant for {:.1f} days"),
    Feature("location_frauds", "merchant", "1", "Frauds at this merchant in this location.", grids.FEW, "merchant", "frauds at this merchant in this location: {:.0f}"),
    Feature("merchant_amount_rate", "merchant", "share", "Smoothed share of fraud in all labels of the merchant at such amounts (half-octaves).", grids.SHARES, "merchant", "merchant's fraud rate at such amounts is {:.1%}"),
    Feature("customer_frauds_14d", "customer", "1", "Fraud labels of the customer within 14 days.", grids.FEW, "customer", "frauds of this customer within 14 days: {:.0f}"),
)
# fmt: on

BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in FEATURES}
GRIDS: Mapping[str, Sequence[float]] = {feature.name: feature.grid for feature in FEATURES}


class FeatureSet(NamedTuple):
    """Features that are computed, learned and sent with decisions, in the order of the table."""

    name: str
    sentence: str
    grids: Mapping[str, Sequence[float]]  # bin edges by feature name

    @property
    def features(self) -> tuple[Feature, ...]:
        """Its features, in the order of the table."""
        return tuple(feature for feature in FEATURES if feature.name in self.grids)

    @property
    def groups(self) -> set[str]:
        """The groups that have a feature in the set."""
        return {feature.group for feature in self.features}


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
