"""Public data sets of card fraud, known by their columns, and how each becomes transactions.

A set without a moment in it counts from the moment given here, which `--time-start` replaces.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.data.options import ROW
from app.data.timespec import TimeSpec
from app.streams.fraud.fields import FIELDS

Columns = Mapping[str, tuple[str, ...]]

UNKNOWN = "unknown"  # the merchant where a set names none
MONTH = 30  # days, of a set that counts months


class Shape(NamedTuple):
    """Which columns hold what, and what is the same in all rows.

    Parameters
    ----------
    marks
        The columns by which a file is known to be of this shape.
    columns
        Columns by field; several are joined.
    truth
        The truth is in the first of these that has a value.
    scenario
        The column with the kind of fraud.
    constants
        A value by field; ROW stands for the row's own.
    time
        How `at` is written; `steps`: how many of its units one is.
    ordered
        Whether its rows are in order of time.
    quoted
        Whether its texts are in single quotes.
    """

    name: str
    marks: tuple[str, ...]
    columns: Columns
    truth: tuple[str, ...]
    scenario: str = "scenario"
    constants: Mapping[str, str] = {}
    time: TimeSpec | None = None
    steps: int = 1
    ordered: bool = True
    quoted: bool = False


def one(**columns: str) -> Columns:
    """A column for each field."""
    return {field: (column,) for field, column in columns.items()}


PLAIN = Shape("", (), {name: (name,) for name in FIELDS}, ("label", "is_fraud"))

HANDBOOK = Shape(
    "Fraud Detection Handbook",
    ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"),
    one(
        id="TRANSACTION_ID",
        at="TX_DATETIME",
        customer="CUSTOMER_ID",
        merchant="TERMINAL_ID",
        amount="TX_AMOUNT",
    ),
    ("TX_FRAUD",),
    "TX_FRAUD_SCENARIO",
)
PAYSIM = Shape(
    "PaySim",
    ("step", "type", "amount", "nameOrig", "nameDest"),
    one(at="step", customer="nameOrig", merchant="nameDest", amount="amount", category="type"),
    ("isFraud",),
    constants={"id": ROW},
    time=TimeSpec(unit="h", start="2017-01-01"),
)
SPARKOV = Shape(
    "Sparkov",
    ("trans_date_trans_time", "cc_num", "merchant", "category", "amt", "trans_num"),
    one(
        id="trans_num",
        at="trans_date_trans_time",
        customer="cc_num",
        merchant="merchant",
        amount="amt",
        category="category",
        lat="merch_lat",
        lon="merch_long",
    ),
    ("is_fraud",),
)
TABFORMER = Shape(
    "IBM TabFormer",
    ("User", "Card", "Year", "Month", "Day", "Time", "Amount", "Use Chip", "Merchant Name"),
    {
        "at": ("Year", "Month", "Day", "Time"),
        **one(
            customer="User",
            merchant="Merchant Name",
            amount="Amount",
            category="MCC",
            channel="Use Chip",
            country="Merchant State",
        ),
    },
    ("Is Fraud?",),
    constants={"id": ROW},
    time=TimeSpec(format="%Y %m %d %H:%M", columns=("Year", "Month", "Day", "Time")),
    ordered=False,
)
IEEE_CIS = Shape(
    "IEEE-CIS",
    ("TransactionID", "TransactionDT", "TransactionAmt", "ProductCD", "card1"),
    {
        "customer": ("card1", "card2", "card3", "card4", "card5", "card6", "addr1"),
        **one(
            id="TransactionID",
            at="TransactionDT",
            merchant="ProductCD",
            amount="TransactionAmt",
            country="addr2",
        ),
    },
    ("isFraud",),
    time=TimeSpec(unit="s", start="2017-12-01"),
)
BANKSIM = Shape(
    "BankSim",
    ("step", "customer", "age", "gender", "merchant", "category", "amount"),
    one(at="step", customer="customer", merchant="merchant", amount="amount", category="category"),
    ("fraud",),
    constants={"id": ROW},
    time=TimeSpec(unit="d", start="2012-11-01"),
    quoted=True,
)
BAF = Shape(
    "Bank Account Fraud",
    ("fraud_bool", "month", "proposed_credit_limit", "payment_type", "income"),
    one(at="month", amount="proposed_credit_limit", category="payment_type", channel="source"),
    ("fraud_bool",),
    constants={"id": ROW, "customer": ROW, "merchant": UNKNOWN},
    time=TimeSpec(unit="d", start="2017-01-01"),
    steps=MONTH,
    ordered=False,
)
ULB = Shape(
    "ULB creditcard",
    ("Time", "V1", "V2", "V28", "Amount"),
    one(at="Time", amount="Amount"),
    ("Class",),
    constants={"id": ROW, "customer": ROW, "merchant": UNKNOWN},
    time=TimeSpec(unit="s", start="2013-09-01"),
)
SETS = (HANDBOOK, PAYSIM, SPARKOV, TABFORMER, IEEE_CIS, BANKSIM, BAF, ULB)


def shape_of(columns: Sequence[str]) -> Shape:
    """The set whose columns these are, else the plain shape: columns named as the fields."""
    names = set(columns)
    return next((shape for shape in SETS if names.issuperset(shape.marks)), None) or _plain(columns)


def _plain(columns: Sequence[str]) -> Shape:
    """The plain shape; a field's column may be in other letters, as long as there is one such."""
    lower = [column.lower() for column in columns]
    same = {
        name: columns[lower.index(name)]
        for name in (*FIELDS, *PLAIN.truth, PLAIN.scenario)
        if name not in columns and lower.count(name) == 1
    }
    return PLAIN._replace(
        columns={name: (same.get(name, name),) for name in FIELDS},
        truth=tuple(same.get(name, name) for name in PLAIN.truth),
        scenario=same.get(PLAIN.scenario, PLAIN.scenario),
    )
