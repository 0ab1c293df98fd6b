"""The vectorised feed against its readable twins, its closed form, and what may leave it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.simulation.worlds import FEED_READERS, small_feed

from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.simulation.feed_driver import feed_log, serve
from shortlist.training.list_log import LIST_LOG


@pytest.mark.statistical
@pytest.mark.parametrize("readers", FEED_READERS, ids=lambda r: r.name)
def test_pages_have_the_chances_and_the_value_of_the_closed_form(readers):
    """60,000 pages: 60 shares, clicks and satisfied clicks within 5 standard errors; a fresh seed fails once in 20,000.
    The control: they do not have the value of the policy turned upside down."""
    w = small_feed(readers)
    policy = ListPolicy.softmax(w.utility, temperature=0.5, places=3)
    n = 60_000
    pages = serve(w, policy, n, rng=4)
    expected = w.share[:, None, None] * policy.item_at_place()
    seen = np.zeros_like(expected)
    np.add.at(seen, (pages.context[:, None], np.arange(3), pages.shown), 1.0 / n)
    assert (np.abs(seen - expected) < 5.0 * np.sqrt(expected * (1 - expected) / n)).all()

    def far(drawn, true):
        return abs(drawn.mean() - true) / (drawn.std() / np.sqrt(n))

    clicks, value = pages.click.sum(axis=1), w.value(policy)
    assert far(clicks, value.clicks) < 5
    assert far(pages.satisfied.sum(axis=1), value.satisfied) < 5
    other = ListPolicy.softmax(-w.utility, temperature=0.5, places=3)
    assert far(clicks, w.value(other).clicks) > 10


@pytest.mark.statistical
@pytest.mark.parametrize("readers", FEED_READERS, ids=lambda r: r.name)
def test_the_kernel_reads_as_the_readable_twin_does(readers):
    """Clicks below a click at the top, in 60,000 lists each way, differ by less than 5 standard errors."""
    w, n = small_feed(readers), 60_000
    policy = ListPolicy.softmax(w.utility, temperature=0.5, places=3)
    pages = serve(w, policy, n, rng=5)
    a, s = (
        np.take_along_axis(x[pages.context], pages.shown.astype(int), axis=1) for x in (w.attraction, w.satisfaction)
    )
    twin = readers.read(a, s, 6)
    for top in (True, False):
        below = [c[c[:, 0] == top, 1:].sum(axis=1) for c in (pages.click, twin.click)]
        error = np.sqrt(sum(x.var() / len(x) for x in below)) + 1e-12
        assert abs(below[0].mean() - below[1].mean()) <= 5 * error


def test_the_logged_chance_is_that_of_the_list_and_the_same_seed_logs_the_same():
    w = small_feed(FEED_READERS[1])
    policy = ListPolicy.softmax(w.utility, temperature=0.3, places=3)
    pages = serve(w, policy, 2_000, rng=1)
    np.testing.assert_allclose(pages.propensity, policy.given_above(pages.context, pages.shown.astype(int)), rtol=1e-12)
    assert all(len(set(row)) == 3 for row in pages.shown.tolist())
    first, again, other = (feed_log(w, policy, 500, rng=seed) for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_log_holds_what_anybody_could_have_recorded():
    w = small_feed(FEED_READERS[2])
    log = feed_log(w, ListPolicy.softmax(w.utility, temperature=0.5, places=3), 3_000, days=2, rng=2)
    assert dict(log.schema) == LIST_LOG
    assert log["simulated"].all()
    assert log["place"].to_list()[:4] == [1, 2, 3, 1]
    assert log.filter(pl.col("satisfied") & ~pl.col("click")).is_empty()
    bought = log.filter(pl.col("converted_us").is_not_null())
    assert bought["click"].all()
    assert 0 < len(bought) < log["click"].sum()
    assert (bought["converted_us"] > bought["at_us"]).all()
    assert bought["converted_us"].max() < log["at_us"].min() + 2 * 24 * 3_600_000_000
    assert log.group_by("request").agg(pl.col("returned").n_unique())["returned"].max() == 1
    by_context = log.group_by("context").agg(pl.col("item").unique())
    candidates = {g: set(row) for g, row in enumerate(w.item.tolist())}
    assert all(set(items) <= candidates[g] for g, items in by_context.iter_rows())


@pytest.mark.statistical
def test_conversions_that_had_no_time_to_arrive_are_missing():
    """A log of two days holds fewer conversions a page than there will be, by more than 5 standard errors."""
    w = small_feed(FEED_READERS[0])
    policy = ListPolicy.softmax(w.utility, temperature=0.5, places=3)
    n = 20_000
    seen = feed_log(w, policy, n, days=2, rng=2)["converted_us"].is_not_null().sum() / n
    late = feed_log(w, policy, n, days=60, rng=2)["converted_us"].is_not_null().sum() / n
    true = w.value(policy).conversions
    error = np.sqrt(true / n)
    assert seen < true - 5 * error
    assert late == pytest.approx(true, abs=0.03 * true + 5 * error)
