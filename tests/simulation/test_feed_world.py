"""The simulated feed: its truth in closed form against what happens in it, and what it was fitted to."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from tests.simulation.worlds import FEED_READERS, FEED_SHAPE, shop, small_feed

from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError, ShortlistError
from shortlist.datasets.dataset import INTERACTIONS, Dataset
from shortlist.datasets.load import load
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.simulation.arrivals import Arrivals, hour_of_week
from shortlist.simulation.examination import Examination
from shortlist.simulation.feed_world import FeedWorld
from shortlist.simulation.log_shape import LogShape
from shortlist.simulation.returns import Conversions, ReturnVisits


@pytest.mark.parametrize("readers", FEED_READERS, ids=lambda r: r.name)
def test_the_value_of_a_policy_is_the_sum_over_all_lists(readers):
    w = small_feed(readers)
    policy = ListPolicy.softmax(w.utility, temperature=0.5, places=3)
    expected = np.zeros(3)
    for shown in permutations(range(5), 3):
        lists, context = np.tile(shown, (4, 1)), np.arange(4)
        chance = w.share * policy.given_above(context, lists).prod(axis=1)
        a, s, convert = (np.take_along_axis(x, lists, axis=1) for x in (w.attraction, w.satisfaction, w.p_convert))
        clicks = chance[:, None] * readers.expected_clicks(a, s)
        expected += [clicks.sum(), (clicks * s).sum(), (clicks * convert).sum()]
    value = w.value(policy)
    np.testing.assert_allclose([value.clicks, value.satisfied, value.conversions], expected, rtol=1e-12)
    assert value.returns == pytest.approx(0.5 + 0.04 * expected[1] - 0.05 * (expected[0] - expected[1]))


@pytest.mark.statistical
def test_clicks_satisfaction_and_returns_that_are_drawn_have_the_true_means():
    """60,000 pages under DBN; three z-scores beyond 4.5 with chance 2e-5 in all."""
    w = small_feed(FEED_READERS[2])
    policy = ListPolicy.softmax(w.utility, temperature=0.5, places=3)
    rng = np.random.default_rng(8)
    context = rng.choice(4, 60_000, p=w.share)
    shown = policy.draw(context, rng=rng)
    a, s = (np.take_along_axis(x[context], shown, axis=1) for x in (w.attraction, w.satisfaction))
    read = w.examination.read(a, s, rng)
    back = w.returning.draw(read.click, read.satisfied, rng)
    value = w.value(policy)
    for seen, true in (
        (read.click.sum(axis=1), value.clicks),
        (read.satisfied.sum(axis=1), value.satisfied),
        (back, value.returns),
    ):
        assert abs(seen.mean() - true) < 4.5 * seen.std() / np.sqrt(len(seen))


@pytest.mark.parametrize("readers", FEED_READERS, ids=lambda r: r.name)
def test_the_base_rate_is_that_of_the_shape_at_the_first_place(readers):
    w = small_feed(readers)
    first = readers.click_if_examined(w.attraction)[0].mean(axis=1) @ w.share * readers.gate[0]
    assert first == pytest.approx(0.3, abs=1e-9)


def test_attraction_is_not_satisfaction():
    """Over a large world, bait raises one and lowers the other: their correlation given utility is negative."""
    w = FeedWorld.draw(LogShape.invent(), Examination.cascade(5), groups=10, intents=20, novelty=0.0, rng=2)
    utility, logit = w.utility.ravel(), [np.log(p / (1 - p)).ravel() for p in (w.attraction, w.satisfaction)]
    left = [y - np.polyval(np.polyfit(utility, y, 1), utility) for y in logit]
    assert np.corrcoef(*left)[0, 1] < -0.9
    assert all(np.corrcoef(utility, y)[0, 1] > 0.5 for y in logit)


def test_what_is_new_fades_and_tastes_drift():
    still = small_feed(drift=0.0)
    later = still.on_day(30)
    assert (later.attraction < still.attraction).all()
    np.testing.assert_allclose(later.on_day(0).attraction, still.attraction, rtol=1e-12)
    drifting = small_feed(novelty=0.0, drift=0.05).on_day(10)
    moved = drifting.attraction / small_feed(novelty=0.0, drift=0.05).attraction
    assert moved.min() < 1 < moved.max()
    assert (drifting.features[..., -1] == small_feed().features[..., -1] + 10).all()


@pytest.mark.statistical
def test_late_conversions_are_missing_from_a_log_that_ends_early():
    """50,000 clicks, 8 standard errors: one seed in 10^15. Half of the conversions come after the mean times ln 2."""
    delay = Conversions(mean_delay_us=10.0 * HOUR_US)
    p, at = np.full(50_000, 0.4), np.zeros(50_000, dtype=np.int64)
    when = delay.draw(p, at, 0)
    half = int(10 * HOUR_US * np.log(2))
    for until, share in ((half, 0.2), (10**18, 0.4)):
        seen = (when >= 0) & (when <= until)
        assert abs(seen.mean() - share) < 8 * np.sqrt(0.24 / 50_000)
        assert delay.seen_by(p, at, until).mean() == pytest.approx(share)


@pytest.mark.statistical
def test_requests_follow_the_hours_of_the_week():
    """200,000 requests over 168 hours: chi-square with 167 degrees exceeds 290 with chance 1e-8."""
    stream = Arrivals.daily(peak_hour=18, swing=0.9)
    at = stream.draw(200_000, start_us=1_767_571_200_000_000, days=14, rng=3)
    assert (np.diff(at) >= 0).all()
    counts, expected = np.bincount(hour_of_week(at), minlength=168), stream.share * 200_000
    assert ((counts - expected) ** 2 / expected).sum() < 290
    np.testing.assert_allclose(Arrivals.of_log(at).share, (counts + 1) / (200_168))


def test_a_shape_says_what_was_fitted_and_what_was_invented():
    base = shop()
    rows = pl.DataFrame(
        [(u, 100 + k, (u * 100_000 + k) * 1_000_000, 1.0, k == 0) for u in range(9) for k in range(4)],
        schema=INTERACTIONS,
        orient="row",
    )
    facts = {name: getattr(base, name) for name in ("items", "users", "judgements", "licence")}
    log = Dataset(name="log", kind="impressions", interactions=rows, positive_means="a view", **facts)
    shape = LogShape.of_dataset(log)
    assert (shape.base_rate, shape.places, shape.n_items) == (0.25, 4, 4)
    assert shape.zipf == 0.0  # every item was shown equally often
    assert "0.2500" in shape.fitted[0]
    assert any("places" in line for line in shape.fitted)
    assert any("how users read" in line for line in shape.invented)
    assert "base rate" in LogShape.invent().invented
    with pytest.raises(DataError, match="0 interactions"):
        LogShape.of_dataset(base)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["movielens", "kuairand"])
def test_a_world_fitted_to_a_real_log_has_its_base_rate_and_skew(name):
    try:
        dataset = load(name)
    except ShortlistError as missing:
        pytest.skip(str(missing))
    shape = LogShape.of_dataset(dataset)
    readers = Examination.position_based(0.8 ** np.arange(shape.places))
    w = FeedWorld.draw(shape, readers, candidates=12, rng=0)
    assert w.attraction.mean(axis=1) @ w.share == pytest.approx(dataset.interactions["positive"].mean(), abs=1e-9)
    assert 0.3 < shape.zipf < 1.5
    assert shape.arrivals.share.max() > 1.2 * shape.arrivals.share.min()


def test_a_world_that_cannot_be_is_refused():
    with pytest.raises(ShortlistError, match="lists of 3"):
        FeedWorld.draw(FEED_SHAPE, Examination.cascade(4))
    with pytest.raises(ShortlistError, match="no attraction"):
        FeedWorld.draw(FEED_SHAPE, Examination.position_based(np.array([0.2, 0.1, 0.1])))
    with pytest.raises(ShortlistError, match="leaves 0 to 1"):
        ReturnVisits(0.9, 0.2, 0.1).check(5)
