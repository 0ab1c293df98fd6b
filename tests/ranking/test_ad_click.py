"""The ad click scorer: the same features everywhere, saved and read back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, MATCH_TYPE, P_CLICK_1, P_CLICK_1_RAW, ROW
from shortlist.core.errors import ReleaseError
from shortlist.core.request import Request, RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import words
from shortlist.learning.calibration.by_field import FieldCalibrator
from shortlist.learning.position_click import PositionClickModel
from shortlist.ranking.ad_click import AdClickScorer, SigmoidCalibration
from shortlist.ranking.ad_click_features import FEATURES, AdText, PastRates, ad_features
from shortlist.testing import tiny_items


@pytest.fixture
def catalogue():
    return Catalogue(tiny_items())


def scorer(catalogue, *, slope=0.9, offset=0.1, fields=None):
    weights = np.linspace(-1.0, 1.0, len(FEATURES))
    return AdClickScorer(
        AdText(catalogue),
        PastRates(np.array([10, 12]), np.array([0.4, -0.3])),
        PastRates(np.array([7]), np.array([0.2])),
        PositionClickModel(-2.0, weights, np.array([1.0, 0.5])),
        SigmoidCalibration(slope, offset),
        **({} if fields is None else {"fields": fields}),
        reference_quality=0.1,
        simulated=True,
    )


def ads(catalogue, *per_request):
    """Every (item, campaign, match type) of each request."""
    flat = [ad for request in per_request for ad in request]
    item, campaign, match = (np.array([ad[n] for ad in flat], dtype=np.int64) for n in range(3))
    offsets = np.cumsum([0, *(len(request) for request in per_request)])
    found = Candidates.found("keywords", offsets, item, np.zeros(len(flat)))
    return found.with_columns({CAMPAIGN: campaign, MATCH_TYPE: match, ROW: catalogue.rows(item)})


def batch_of(*queries):
    return RequestBatch.of(*(Request(f"r{n}", k=1, at_us=0, query=query) for n, query in enumerate(queries)))


def test_overlaps_are_shares_of_different_words(catalogue):
    text = AdText(catalogue)
    queries = ["red red kettle", "lamp office", "", "kitchen acme xyz"]
    rng = np.random.default_rng(0)
    query, row = rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    got = np.column_stack(text.overlaps(queries, query, row))
    labels = ["", "kitchen acme", "kitchen acme", "light lux", "light office lux"]
    for (q, r), shares in zip(zip(query, row, strict=True), got, strict=True):
        asked, title, label = set(words(queries[q])), set(words(catalogue.titles[r])), set(labels[r].split())
        expected = [
            len(asked & title) / len(asked) if asked else 0.0,
            len(asked & title) / len(title) if title else 0.0,
            len(asked & label) / len(asked) if asked else 0.0,
        ]
        np.testing.assert_allclose(shares, expected)


def test_features_are_in_the_documented_order(catalogue):
    features = ad_features(
        AdText(catalogue),
        PastRates(np.array([12]), np.array([0.7])),
        PastRates(np.array([3]), np.array([-0.2])),
        queries=["red lamp office"],
        query=np.zeros(2, dtype=np.int64),
        row=catalogue.rows(np.array([12, 13])),
        item=np.array([12, 13]),
        campaign=np.array([3, 4]),
        match_type=np.array([1, 3]),
    )
    named = [dict(zip(FEATURES, row, strict=True)) for row in features.round(6).tolist()]
    assert named[0] == {
        "exact_match": 1.0,
        "phrase_match": 0.0,
        "query_in_title": round(2 / 3, 6),
        "title_in_query": 1.0,
        "title_with_query": round(2 / 3, 6),
        "query_in_labels": 0.0,
        "log_item_rate": 0.7,
        "log_campaign_rate": -0.2,
    }
    assert named[1]["query_in_labels"] == round(1 / 3, 6)
    assert named[1]["log_item_rate"] == named[1]["log_campaign_rate"] == 0.0


def test_a_batch_is_as_many_single_requests(catalogue):
    stage = scorer(catalogue)
    per_request = [[(10, 7, 1), (12, 8, 3)], [], [(13, 7, 2)]]
    queries = ["red kettle", "nothing", "desk lamp"]
    together = stage.score(batch_of(*queries), ads(catalogue, *per_request))[P_CLICK_1]
    apart = [
        stage.score(batch_of(query), ads(catalogue, rows))[P_CLICK_1]
        for query, rows in zip(queries, per_request, strict=True)
        if rows
    ]
    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_calibration_is_the_sigmoid_of_the_raw_logit(catalogue):
    columns = scorer(catalogue).score(batch_of("red lamp"), ads(catalogue, [(12, 7, 1)]))
    raw = columns[P_CLICK_1_RAW]
    np.testing.assert_allclose(columns[P_CLICK_1], expit(0.9 * np.log(raw / (1 - raw)) + 0.1))


def test_unknown_items_campaigns_and_words_are_scored(catalogue):
    got = scorer(catalogue).score(batch_of("zzz \u0000"), ads(catalogue, [(999, 999, 3)]))
    assert 0.0 < got[P_CLICK_1][0] < 1.0


def test_it_scores_the_same_after_a_round_trip(catalogue, tmp_path):
    before = scorer(catalogue)
    before.save(tmp_path / "ads")
    after = AdClickScorer.load(tmp_path / "ads", catalogue)
    batch, rows = batch_of("red kettle"), ads(catalogue, [(10, 7, 1), (12, 7, 2), (99, 1, 3)])
    np.testing.assert_array_equal(before.score(batch, rows)[P_CLICK_1], after.score(batch, rows)[P_CLICK_1])
    assert after.slot_effects.tolist() == [1.0, 0.5]
    assert after.reference_quality == 0.1
    assert after.simulated


@pytest.mark.parametrize("file", ["ad_click.json", "past_rates.safetensors"])
def test_a_torn_or_missing_file_is_an_error_that_names_the_folder(catalogue, tmp_path, file):
    scorer(catalogue).save(tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:20])
    with pytest.raises(ReleaseError, match="cannot be read"):
        AdClickScorer.load(tmp_path, catalogue)
    (tmp_path / file).unlink()
    with pytest.raises(ReleaseError, match="cannot be read"):
        AdClickScorer.load(tmp_path, catalogue)


def test_a_model_of_other_features_is_refused(catalogue, tmp_path):
    scorer(catalogue).save(tmp_path)
    path = tmp_path / "ad_click.json"
    path.write_text(path.read_text().replace("exact_match", "something_else"))
    with pytest.raises(ReleaseError, match="fitted to the features"):
        AdClickScorer.load(tmp_path, catalogue)


def test_what_moves_a_click_probability_is_the_weights_times_the_differences(catalogue):
    one, batch = scorer(catalogue), batch_of("red kettle")
    pair = ads(catalogue, [(10, 7, 1), (12, 8, 3)])
    p = one.score(batch, pair)[P_CLICK_1_RAW]
    parts = one.contributions(batch, pair)
    assert sum(part.log_odds for part in parts) == pytest.approx(np.log(p / (1 - p)) @ [1, -1], abs=1e-9)
    assert {part.feature for part in parts} == set(FEATURES)
    by_name = {part.feature: part for part in parts}
    assert by_name["log_item_rate"].log_odds == pytest.approx(one.model.weights[6] * (0.4 + 0.3))
    assert by_name["phrase_match"].log_odds == 0.0


def test_a_campaigns_shift_moves_its_own_ads_and_the_slots_are_left_alone(catalogue, tmp_path):
    shifted = scorer(catalogue, fields=FieldCalibrator(cells=((7, 1), (7, 3)), shifts=(-0.5, 0.25), spread=0.4))
    candidates = ads(catalogue, [(10, 7, 1), (11, 7, 2), (12, 7, 3), (13, 8, 1)])
    batch = batch_of("red kettle")
    plain, moved = (one.score(batch, candidates)[P_CLICK_1] for one in (scorer(catalogue), shifted))
    log_odds = [np.log(p / (1 - p)) for p in (plain, moved)]
    np.testing.assert_allclose(log_odds[1] - log_odds[0], [-0.5, 0.0, 0.25, 0.0], atol=1e-9)
    shifted.save(tmp_path)
    read = AdClickScorer.load(tmp_path, catalogue)
    np.testing.assert_array_equal(read.score(batch, candidates)[P_CLICK_1], moved)
    stored = (tmp_path / "ad_click.json").read_text()
    (tmp_path / "ad_click.json").write_text(stored.replace("0.25", "0.25, 1.0"))
    with pytest.raises(ReleaseError, match="cells and shifts"):
        AdClickScorer.load(tmp_path, catalogue)
