"""The likelihood of delays learns from an event log: what arrives late changes its labels as it should."""

from collections import defaultdict

import numpy as np
import polars as pl
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit

from shortlist.core.clock import HOUR_US
from shortlist.events.database import open_database
from shortlist.events.event import Event
from shortlist.events.event_log import EventLog
from shortlist.events.group_commit import GroupCommit
from shortlist.events.read import EVENTS_SCHEMA, read_events
from shortlist.events.tables import LOG
from shortlist.learning.logged_conversions import logged_conversions
from shortlist.learning.losses.entire_space import delayed_entire_space_loss, entire_space_loss

DAY = 24 * HOUR_US


def told(name, kind, at, arrived, *, page="p1", slot=1, item=7):
    """Of one user; days for times."""
    return {
        "event_id": name,
        "kind": kind,
        "request_id": page,
        "block": "organic",
        "slot": slot,
        "item": item,
        "event_us": int(at * DAY),
        "received_us": int(arrived * DAY),
        "user": 5,
    }


def labels(*events, day):
    log = pl.DataFrame(events, schema=EVENTS_SCHEMA)
    assert np.array_equal(
        logged_conversions(log.reverse(), now_us=day * DAY).label, logged_conversions(log, now_us=day * DAY).label
    )
    rows, label = logged_conversions(log, now_us=day * DAY)
    return dict(zip(zip(rows["request_id"], rows["slot"], strict=True), label.tolist(), strict=True))


def test_a_conversion_that_arrives_late_is_none_until_then():
    events = [told("s", "impression", 1, 1), told("c", "click", 2, 2), told("b", "conversion", 3, 6)]
    assert labels(*events, day=5) == {("p1", 1): [1, 0, 4]}, "it has happened, and nobody knows"
    assert labels(*events, day=6) == {("p1", 1): [1, 1, 5]}, "the delay runs until it is known"
    assert labels(*events, day=9) == {("p1", 1): [1, 1, 5]}, "and no further"


def test_a_click_that_arrives_late_takes_the_conversion_over():
    events = [
        told("c1", "click", 1, 1),
        told("s2", "impression", 2, 2, page="p2"),
        told("b", "conversion", 3, 3),
        told("c2", "click", 2.5, 5, page="p2"),
    ]
    assert labels(*events, day=4) == {("p1", 1): [1, 1, 2], ("p2", 1): [0, 0, 2]}
    assert labels(*events, day=5) == {("p1", 1): [1, 0, 4], ("p2", 1): [1, 1, 1]}


def test_what_was_seen_and_not_clicked_has_a_row_and_no_conversion():
    events = [
        told("s1", "impression", 1, 1),
        told("s2", "impression", 1, 1, slot=2, item=8),
        told("c2", "click", 1, 3, slot=2, item=8),
        told("b", "conversion", 1, 2),
    ]
    assert labels(*events, day=2) == {("p1", 1): [0, 0, 1], ("p1", 2): [0, 0, 1]}, "views get no credit here"
    assert labels(*events, day=3) == {("p1", 1): [0, 0, 2], ("p1", 2): [1, 0, 2]}
    assert logged_conversions(pl.DataFrame(schema=EVENTS_SCHEMA), now_us=0).label.shape == (0, 3)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Clicks of six days, 40% of which convert after an exponential delay of two days; told every hour, later a day."""
    rng = np.random.default_rng(0)
    n = 4_000
    click = rng.uniform(0, 6 * DAY, n).astype(np.int64)
    bought = click + rng.exponential(2 * DAY, n).astype(np.int64)
    converts = rng.random(n) < 0.4
    batches = defaultdict(list)
    for number in range(n):
        of = {"request_id": f"p{number}", "block": "organic", "slot": 1, "item": 7}
        for kind, at in (("click", click[number]), ("conversion", bought[number])):
            if kind == "click" or converts[number]:
                told = Event(event_id=f"{kind}{number}", kind=kind, event_us=int(at), **of)
                every = HOUR_US if at < 6 * DAY else DAY
                batches[(int(at) // every + 1) * every].append(told)
    engine = open_database(tmp_path_factory.mktemp("log") / "events.sqlite", LOG)
    writer = GroupCommit(engine)
    for arrived, events in batches.items():
        EventLog(writer).record(events, received_us=arrived)
    writer.close()
    events = read_events(engine)
    engine.dispose()
    return events


def learned(events, loss, *, day):
    """The rate of conversion and the mean delay in days that make what was known on that day likeliest."""
    label = torch.from_numpy(logged_conversions(events, now_us=day * DAY, click_window_us=60 * DAY).label).double()

    def lost(at):
        logit = torch.tensor(at, requires_grad=True)
        mean = loss(logit.expand(len(label), 3), label).mean()
        (slope,) = torch.autograd.grad(mean, logit)
        return mean.item(), slope.numpy()

    found = minimize(lost, np.array([4.0, 0.0, 0.0]), jac=True).x
    return expit(found[1]), np.exp(-found[2])


@pytest.mark.statistical
def test_the_rate_is_found_while_most_conversions_are_still_to_come(log):
    """Over twenty other seeds .408 with a standard deviation of .011, and 2.08 days with .14.

    The tolerances are five of these beyond the mean: a fresh seed fails less than once in 100,000.
    """
    rate, delay = learned(log, delayed_entire_space_loss, day=6)
    assert rate == pytest.approx(0.4, abs=0.065)
    assert delay == pytest.approx(2.0, abs=0.8)


@pytest.mark.statistical
def test_ignoring_the_delay_is_wrong_until_all_has_arrived(log):
    """The negative control: .275 over the same seeds, and .403 once all is in, with standard deviations of .007."""
    early, _ = learned(log, entire_space_loss, day=6)
    late, _ = learned(log, entire_space_loss, day=40)
    assert early < 0.32
    assert late == pytest.approx(0.4, abs=0.04)
