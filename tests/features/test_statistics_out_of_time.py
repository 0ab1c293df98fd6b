"""Counters and target statistics see nothing of their own instant nor of later ones; a version that does is caught."""

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.features.event_index import EventIndex
from shortlist.features.statistics_table import Statistic, StatisticsTable
from shortlist.features.target_statistics import TargetStatistics, smoothed_rate

STATISTICS = [
    Statistic(name="item", columns=("item",)),
    Statistic(name="lately", columns=("item",), prior="item", half_life_days=0.001),
    Statistic(name="pair", columns=("user", "item"), prior="item", strength=2.0),
]
N = 400


def world(seed=0):
    """Ids, instants (many of them equal) and clicks."""
    rng = np.random.default_rng(seed)
    ids = {"user": rng.integers(-1, 6, N), "item": rng.integers(0, 9, N)}
    return ids, np.sort(rng.integers(0, 60, N)) * 1_000_000, rng.integers(0, 2, N)


def table(ids, at_us, click):
    return StatisticsTable(STATISTICS, ids, at_us, {"click": click})


def leaky(ids, at_us, click):
    """The mistake that is always made: rates over the whole log, joined to its own rows."""
    met = np.bincount(ids["item"], minlength=9)
    return (np.bincount(ids["item"], weights=click, minlength=9) / np.maximum(met, 1))[ids["item"]]


def altered_future(instant, seed=1):
    """The same log with everything from ``instant`` on shuffled and its clicks turned round."""
    ids, at_us, click = world()
    order = np.arange(N)
    later = at_us >= instant
    order[later] = np.random.default_rng(seed).permutation(order[later])
    turned = np.where(later, 1 - click, click)
    return {name: column[order] for name, column in ids.items()}, at_us[order], turned[order]


def test_altering_the_future_leaves_features_byte_identical():
    ids, at_us, click = world()
    for instant in np.unique(at_us)[::7]:
        now = np.flatnonzero(at_us == instant)
        mine = {name: column[now] for name, column in ids.items()}
        before = table(ids, at_us, click).compute(mine, at_us[now])
        after = table(*altered_future(instant)).compute(mine, at_us[now])
        assert before.tobytes() == after.tobytes()


def test_a_leaky_statistic_fails_that_test():
    ids, at_us, click = world()
    instant = np.unique(at_us)[30]
    past = at_us < instant
    changed_ids, changed_at, changed_click = altered_future(instant)
    assert (leaky(ids, at_us, click)[past] != leaky(changed_ids, changed_at, changed_click)[past]).any()


def test_training_and_the_request_path_agree_to_the_byte():
    """The same instants asked for all at once, and one request at a time of a log that knows nothing later."""
    ids, at_us, click = world()
    trained = table(ids, at_us, click).compute(ids, at_us)
    for row in range(0, N, 23):
        past = at_us < at_us[row]
        online = table({k: v[past] for k, v in ids.items()}, at_us[past], click[past])
        served = online.compute({k: v[row : row + 1] for k, v in ids.items()}, at_us[row : row + 1])
        assert served.tobytes() == trained[row : row + 1].tobytes()


def test_the_sums_are_those_of_the_formula():
    ids, at_us, click = world()
    half_life = 3e6
    met, total = TargetStatistics(ids["item"], at_us, click[:, None], half_life_us=half_life).before(ids["item"], at_us)
    for row in range(0, N, 17):
        held = (ids["item"] == ids["item"][row]) & (at_us < at_us[row])
        weight = 2.0 ** (-(at_us[row] - at_us[held]) / half_life)
        assert met[row] == pytest.approx(weight.sum())
        assert total[row, 0] == pytest.approx((weight * click[held]).sum())


def test_a_key_backs_off_to_its_prior():
    ids, at_us, click = world()
    t = table(ids, at_us, click)
    row = t.compute({"user": np.array([99]), "item": np.array([3])}, np.array([10**9]))[0]
    value = dict(zip(t.names, row, strict=True))
    assert value["pair n"] == 0.0
    assert value["pair click"] == value["item click"]
    held = ids["item"] == 3
    overall = smoothed_rate(np.array(N), np.array(click.sum()), 0.5, 2.0)
    expected = (click[held].sum() + 10 * overall) / (held.sum() + 10)
    assert value["item click"] == pytest.approx(float(expected), rel=1e-6)


def test_unknown_ids_and_an_empty_log_get_the_prior_not_nan():
    nothing = np.empty(0, dtype=np.int64)
    t = table({"user": nothing, "item": nothing}, nothing, nothing)
    assert (
        t.compute({"user": np.array([-1, 4]), "item": np.array([-1, 2])}, np.array([5, 5])).tolist()
        == [[0.0, 0.5] * 3] * 2
    )
    ids, at_us, click = world()
    assert np.isfinite(
        table(ids, at_us, click).compute({k: np.full(3, -1) for k in ids}, np.array([0, 1, 10**9]))
    ).all()


def test_a_constant_outcome_stays_constant():
    ids, at_us, _ = world()
    got = table(ids, at_us, np.ones(N)).compute(ids, at_us)
    assert np.isfinite(got).all()
    assert (got[:, 1] <= 1.0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_outcome_that_is_no_number_is_refused(bad):
    with pytest.raises(DataError, match="not a finite number"):
        TargetStatistics(np.array([1]), np.array([1]), np.array([[bad]]))


@pytest.mark.parametrize("half_life", [None, 3e6])
def test_leaving_a_window_out_is_as_if_it_had_not_happened(half_life):
    """With and without decay, and with windows that end after the instant or hold nothing."""
    ids, at_us, click = world()
    rng = np.random.default_rng(3)
    window = np.sort(rng.integers(-5, 70, (N, 2)) * 1_000_000, axis=1)
    asked = rng.integers(0, 70, N) * 1_000_000
    clicks = TargetStatistics(ids["item"], at_us, click[:, None], half_life_us=half_life)
    met, total = clicks.before(ids["item"], asked, without_us=window)
    latest = EventIndex(ids["item"], at_us).latest(ids["item"], asked, 5, without_us=window)
    for row in range(0, N, 7):
        held = (at_us < window[row, 0]) | (at_us >= window[row, 1])
        apart = TargetStatistics(ids["item"][held], at_us[held], click[held, None], half_life_us=half_life)
        n, y = apart.before(ids["item"][[row]], asked[[row]])
        assert (met[row], total[row, 0]) == pytest.approx((n[0], y[0, 0]), abs=1e-9)
        found = EventIndex(ids["item"][held], at_us[held]).latest(ids["item"][[row]], asked[[row]], 5)[0]
        assert latest[row].tolist() == np.append(np.flatnonzero(held), -1)[found].tolist()


def test_a_share_of_the_log_does_not_grow_with_it_and_leaves_out_the_window_above_and_below():
    """The same log twice over: a count doubles, its share stays; without a window both lose that window's events."""
    ids, at_us, click = world()
    both = [Statistic(name="count", columns=("item",)), Statistic(name="share", columns=("item",), per=100.0)]

    def columns(times, without_us=None):
        repeated = {name: np.tile(column, times) for name, column in ids.items()}
        made = StatisticsTable(both, repeated, np.tile(at_us, times), {"click": np.tile(click, times)})
        found = made.compute({"item": np.arange(9)}, np.full(9, 90_000_000), without_us=without_us)
        return np.expm1(found[:, [0, 2]].astype(float)).T

    once, twice = columns(1), columns(2)
    np.testing.assert_allclose(once, [np.bincount(ids["item"]), np.bincount(ids["item"]) / 4.0], rtol=1e-6)
    np.testing.assert_allclose(twice, [2.0 * once[0], once[1]], rtol=1e-6)
    early = at_us < 30_000_000
    counted, share = columns(1, np.tile([30_000_000, 90_000_000], (9, 1)))
    np.testing.assert_allclose(counted, np.bincount(ids["item"][early], minlength=9), rtol=1e-6)
    np.testing.assert_allclose(share, 100.0 * counted / early.sum(), rtol=1e-6)


def test_wrong_declarations_are_refused():
    both = Statistic(name="a", columns=("x",), per=10.0, half_life_days=1.0)
    with pytest.raises(DataError, match="is a share and decays"):
        StatisticsTable([both], {"x": np.array([1])}, np.array([1]), {})
    with pytest.raises(DataError, match="does not come before it"):
        StatisticsTable([Statistic(name="a", columns=("x",), prior="b")], {"x": np.array([1])}, np.array([1]), {})
    with pytest.raises(DataError, match="needs the column 'user'"):
        table({"item": np.array([1])}, np.array([1]), np.array([1]))
    with pytest.raises(DataError, match="half-life"):
        TargetStatistics(np.array([1]), np.array([1]), np.array([[1]]), half_life_us=0)


def test_histories_are_the_latest_events_before_the_instant():
    user, at_us = np.array([1, 2, 1, 1, 2]), np.array([5, 5, 7, 7, 9])
    index = EventIndex(user, at_us)
    assert index.latest(np.array([1, 1, 2, 3, -1]), np.array([7, 8, 9, 9, 9]), 2).tolist() == [
        [0, -1],
        [3, 2],
        [1, -1],
        [-1, -1],
        [-1, -1],
    ]
    assert EventIndex(np.empty(0), np.empty(0)).latest(np.array([1]), np.array([7]), 2).tolist() == [[-1, -1]]


def test_events_are_checked():
    with pytest.raises(DataError, match="is negative"):
        EventIndex(np.array([-1]), np.array([1]))
    with pytest.raises(DataError, match="2 keys and 1 times"):
        EventIndex(np.array([1, 2]), np.array([1]))
