"""The report by what is known of users and items: every like in one bucket, figures in arithmetic."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS
from shortlist.features.catalogue import Catalogue
from shortlist.testing import tiny_items
from shortlist.training.cold_start_report import ColdStartReport
from shortlist.training.requests import LabelledRequests

DAY = 86_400_000_000
NOW = 400 * DAY


@pytest.fixture
def report():
    """Item 10 was met 12 times, 11 once, 12 and 13 never; 13 appeared yesterday, the others long ago."""
    items = tiny_items().with_columns(released_us=pl.Series([0, 0, 0, NOW - DAY]))
    rows = [(user, 10, DAY, 5.0, True) for user in range(12)] + [(1, 11, 2 * DAY, 1.0, False)]
    return ColdStartReport.of(pl.DataFrame(rows, schema=INTERACTIONS, orient="row"), Catalogue(items))


def requests(histories, liked):
    asked = (Request(f"r{n}", k=2, at_us=NOW, user=n) for n in range(len(liked)))
    history = Ragged.from_lists(histories)
    batch = RequestBatch.of(*asked).with_history(history, history)
    outcome = Ragged.from_lists(liked)
    return LabelledRequests(batch, outcome, outcome, Ragged.from_lists([[]] * len(liked)), "ratings")


def test_figures_of_each_bucket_in_arithmetic(report):
    part = requests([[], [11]], [[10, 13], [12, 10]])
    found = Candidates.found("s", np.array([0, 2, 4]), np.array([11, 10, 12, 13]), np.array([2.0, 1.0, 2.0, 1.0]))
    report.keep("s", found, found.source_score[:, 0], part, ranked=False)
    report.keep("feed", found, found.source_score[:, 0], part, ranked=True)
    by_likes, by_met, by_age = report.stages(part, seed=0)
    assert by_likes.value("s", "none") == 0.5  # of 10 and 13 it found 10
    assert by_likes.value("s", "1 to 4") == 0.5
    assert "none: 1, 1 to 4: 1" in by_likes.note
    assert by_met.value("s", "10 to 49") == 0.5  # 10, found for the first, not for the second
    assert by_met.value("s", "never") == 0.5  # 13 missed, 12 found
    assert np.isnan(by_met.value("s", "1 to 9"))  # nobody then liked 11
    assert by_age.value("s", "under a week") == 0.0
    assert by_age.value("s", "1 to 5 years") == 0.75  # 10 of one, 12 but not 10 of the other
    # One like of the bucket, found at rank 2: 1 / log2(3); the other request has it nowhere.
    assert by_met.value("feed", "10 to 49") == pytest.approx(0.5 / np.log2(3.0))
    assert by_met.value("feed", "never") == pytest.approx(0.5)  # 12 at rank 1, 13 nowhere


def test_every_like_is_in_one_bucket_of_each_table(report):
    part = requests([[]], [[10, 11, 12, 13]])
    report.keep("s", Candidates.none(1, ("s",)), np.empty(0), part, ranked=False)
    for stage in report.stages(part, seed=0):
        assert all(figure.value == 0.0 for figure in stage.figures)
    _, by_met, by_age = report.stages(part, seed=0)
    assert [figure.what for figure in by_met.figures] == ["never", "1 to 9", "10 to 49"]
    assert [figure.what for figure in by_age.figures] == ["under a week", "1 to 5 years"]
