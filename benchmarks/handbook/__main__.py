"""The Fraud Detection Handbook's tables, and Weir beside XGBoost that is refitted every week.

    python -m benchmarks.handbook --data DIR [--weeks validation|test] [--json FILE]

DIR holds handbook_2018-04-01_2018-08-14.parquet. First the Handbook's models are fitted as
it fits them, beside what it publishes. Then Weir's models decide the whole stream, labels 7
days late, and XGBoost is fitted anew for each of four weeks on all labels known by then: on
the Handbook's features, and on Weir's as they stood when each transaction was scored. All
is measured on the same rows: known compromised customers are left out as the Handbook does.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from threadpoolctl import threadpool_limits

from app.core.models.zoo import ZOO
from benchmarks.handbook.baselines import FOLDS, reproduce
from benchmarks.handbook.comparison import Row
from benchmarks.handbook.features import handbook_features
from benchmarks.handbook.online import Play, plays
from benchmarks.handbook.report import Report
from benchmarks.handbook.transactions import FILE, Matrix, Transactions, read_transactions
from benchmarks.handbook.weekly import TRIED, refit, tried
from benchmarks.handbook.weeks import FIRST, Week, four_weeks, number

Inputs: TypeAlias = dict[str, Matrix]  # features by whose they are
Plays: TypeAlias = dict[str, Play]

MODELS = ["grove", "binned"]  # of the zoo, when none is named
CORES = 2  # how many the work is spread over


def main(options: argparse.Namespace) -> None:
    """Everything, one part after another."""
    report, first = Report(), FIRST[options.weeks]
    with report.part("the Handbook's features"):
        txs = read_transactions(options.data)
        x = handbook_features(txs)
    for fold in () if options.tune else FOLDS:
        with report.part(fold.title):
            measured = reproduce(txs, x, fold, CORES)
        report.chapter(fold, measured)
    end = number(first + timedelta(days=28))
    models = options.models[:1] if options.tune else options.models  # XGBoost needs features only
    with report.part("Weir's models"), kept(options.cache) as cache:
        played = plays(models, options.data, end, cache, CORES)
    inputs: Inputs = {"handbook": x, "weir": played[models[0]].x}
    (tune if options.tune else compare)(report, txs, inputs, four_weeks(txs, first), played)
    print(report.markdown())
    if options.json:
        options.json.write_text(json.dumps(report.values, indent=1) + "\n")


def compare(
    report: Report, txs: Transactions, inputs: Inputs, weeks: list[Week], played: Plays
) -> None:
    """Weir's models beside XGBoost."""
    with report.part("XGBoost, refitted every week"):
        peers = [refit(name, txs, inputs[name], weeks, CORES) for name in inputs]
    rows = [online(name, play, weeks) for name, play in played.items()]
    report.compared([str(week.first) for week in weeks], peers, rows)


def tune(
    report: Report, txs: Transactions, inputs: Inputs, weeks: list[Week], played: Plays
) -> None:
    """Each of the settings of XGBoost."""
    for name, x in inputs.items():
        with report.part(f"settings of XGBoost, {name}"):
            found = tried(txs, x, weeks, TRIED, CORES)
        report.tuned(name, TRIED, found)


def online(name: str, play: Play, weeks: list[Week]) -> Row:
    """Quality of what a model of Weir's decided."""
    microseconds = 1e6 * play.cpu / len(play.scores)
    qualities = [week.quality(play.scores[week.rows]) for week in weeks]
    return Row(f"Weir, {name}", qualities, f"{microseconds:.0f} us a transaction")


@contextmanager
def kept(cache: Path | None) -> Iterator[Path]:
    """The folder for plays: the one that is given, else one that goes when all is done."""
    if cache:
        cache.mkdir(parents=True, exist_ok=True)
        yield cache
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Those given, else the command line's; ends the process at one that makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.handbook",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    beside = os.environ.get("WEIR_TEST_DATA")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", default=beside, help="else WEIR_TEST_DATA"
    )
    parser.add_argument("--weeks", choices=FIRST, default="validation")
    parser.add_argument("--models", nargs="+", choices=ZOO, default=MODELS, metavar="NAME")
    parser.add_argument("--tune", action="store_true", help="try settings of XGBoost instead")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="keep the plays of the stream there"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(given)
    if options.data is None or not (options.data / FILE).is_file():
        parser.error(f"--data or WEIR_TEST_DATA must name the folder with {FILE}")
    if options.tune and options.weeks != "validation":
        parser.error("settings are chosen on the validation weeks alone")
    return options


if __name__ == "__main__":
    with threadpool_limits(1):  # several fits at a time, each on one core
        main(arguments())
