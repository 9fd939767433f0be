"""The lean splitter decides exactly as River's does."""

from hypothesis import given, settings
from hypothesis import strategies as st
from river.tree.split_criterion import InfoGainSplitCriterion
from river.tree.splitter import GaussianSplitter

from app.core.models.splitter import LeanSplitter

values = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 2.0])
rows = st.lists(st.tuples(values, st.booleans(), st.sampled_from([0.25, 1.0, 3.0])), min_size=1)


@settings(deadline=None, max_examples=100)
@given(rows=rows, n_splits=st.integers(1, 30))
def test_the_best_split_is_rivers_to_the_bit(rows, n_splits):
    lean, rivers = LeanSplitter(n_splits).clone(), GaussianSplitter(n_splits)
    stats = {False: 0.0, True: 0.0}
    for value, y, w in rows:
        lean.update(value, y, w)
        rivers.update(value, y, w)
        stats[y] += w
    criterion = InfoGainSplitCriterion(0.001)
    ours, theirs = (
        splitter.best_evaluated_split_suggestion(criterion, stats, "amount", True)
        for splitter in (lean, rivers)
    )
    assert vars(ours) == vars(theirs)
