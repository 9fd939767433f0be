"""The page docs/features.md, generated from the table of features (make docs)."""

from app.streams.fraud.features import FEATURES, SMALL

HEAD = """\
# Features

What the models see of a transaction, in the order of `FEATURES` in `app/streams/fraud/features.py`.
Times and amounts come from the records alone. A feature that has no value is left out.
Edges: how many fixed bin edges the binned models use.

`WEIR_FEATURES` chooses a set: `fraud-full`, which is the default, has all features, `fraud-small`
those that are marked as small. What is not in the set is neither learned nor sent with decisions,
and what takes time is not computed. Rules and merchants' statistics are the same with both. Every
worker needs the same set. After a change workers learn the whole log again, from old examples only
what the new set has; `weir model verify` does not compare decisions made with the old set.
`weir features list` prints them, and those that are derived from fields of your own
([fields.md](fields.md)), with how often each was there and what it was worth in the decisions on a
file or of a running worker.
[learning.md](learning.md) says how well both do, [performance.md](performance.md) what they cost.

| feature | small | unit | meaning | edges |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole of docs/features.md."""
    rows = [
        f"| `{f.name}` | {'yes' if f.name in SMALL.grids else ''} | {f.unit} | {f.sentence} "
        f"| {len(f.grid)} |"
        for f in FEATURES
    ]
    return HEAD + "\n".join(rows) + "\n"
