"""A whole training on a small made-up world in which what people like is plain."""

import dataclasses
from contextlib import closing

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.training.made_up import GENRES, dataset, interactions

from shortlist.core.columns import P_LIKE, RANK_SCORE
from shortlist.core.errors import DataError, NotFound
from shortlist.core.page import Page, PolicyRecord
from shortlist.core.request import Request, RequestBatch
from shortlist.core.settings import FeedSettings
from shortlist.datasets.dataset import JUDGEMENTS, USERS
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryHydrator, HistoryStore
from shortlist.funnel.feed import feed_funnel
from shortlist.funnel.source_pool import SourcePool
from shortlist.funnel.why_score import why_score
from shortlist.ranking.feed_ranker import FeedRanker
from shortlist.retrieval.load import load_feed_sources
from shortlist.training.candidates import retrieved
from shortlist.training.evaluate import evaluate_release
from shortlist.training.feed import early_components, ranker_examples
from shortlist.training.plan import FeedPlan
from shortlist.training.release import train_release
from shortlist.training.report import stored_report


def test_the_release_beats_its_baselines(trained):
    report = stored_report(trained)
    retrieval, ranking, probability = report.stages[:3]
    assert ranking.value("ranked feed", "ndcg@10") > ranking.value("popularity baseline", "ndcg@10")
    assert ranking.value("ranked feed", "auc") > ranking.value("popularity baseline", "auc")
    assert retrieval.value("merge of all sources", "recall@50") > 0.9  # nearly all of 60 items are found
    assert probability.value("p_like", "log-loss") < probability.value("one rate for all", "log-loss")
    assert 0.8 < probability.value("p_like", "predicted / observed") < 1.25
    assert all("LEAKS THE FUTURE" in s.note for s in report.stages if "per-user" in s.title)


def test_evaluating_again_from_the_release_alone_gives_the_same_figures(trained):
    again = evaluate_release(trained, progress=lambda *_: None)
    assert msgspec.json.encode(again) == msgspec.json.encode(stored_report(trained))


def test_the_manifest_says_what_p_like_is(trained):
    facts = trained.manifest.facts
    assert "next 13 events" in facts.probabilities["p_like"].of
    assert "20%" in facts.probabilities["p_like"].negatives
    assert facts.sampling_rates == {"ranker negatives": 0.2}
    assert (
        facts.features_hash
        == FeedRanker.load(trained.folder / "ranking" / "feed", catalogue(trained)).facts.features_hash
    )
    assert facts.metrics["ranking / ranked feed / ndcg@10"] > 0
    assert facts.policy == "feed-mmr-0.2"
    assert {"popular", "item_neighbours", "als", "two_tower"} <= set(facts.sources)
    assert "positives (liked)" in facts.sources["als"].note
    assert len(facts.ranker.losses) >= 1
    calibrator = msgspec.json.decode((trained.folder / "ranking" / "feed" / "calibration.json").read_bytes())
    assert facts.ranker.calibrator == calibrator["type"]
    assert {"identity", "platt"} <= set(facts.ranker.calibrator_losses)
    assert "p_click_1" not in facts.probabilities
    assert not (trained.folder / "ads").exists()


def catalogue(release):
    return Catalogue.load(release.folder / "catalogue.parquet")


@pytest.fixture(scope="module")
def served(trained):
    """What the release's sources find for a user at an instant, scored by its ranker."""
    items = catalogue(trained)
    sources = load_feed_sources(trained.folder / "retrieval", items)
    history = HistoryHydrator(HistoryStore(pl.read_parquet(trained.folder / "history.parquet")))
    ranker = FeedRanker.load(trained.folder / "ranking" / "feed", items)

    def serve(user, at_us):
        batch = history.hydrate_query(RequestBatch.of(Request("r", k=10, at_us=at_us, user=user)))
        found = retrieved(sources, batch, items)
        return found.with_columns(ranker.score(batch, found))

    return serve


def test_taste_shows_in_what_is_served(trained, served):
    """Users of the test window: most of the five best are of the genre that they like."""
    requests = pl.read_parquet(trained.folder / "lessons" / "funnel_requests.parquet")
    right = []
    for user, at_us, positives in requests.iter_rows():
        found = served(user, at_us)
        best = found.item[np.argsort(-found[RANK_SCORE])][:5]
        taste = np.bincount((np.array(positives) - 1) % 3, minlength=3).argmax()
        right.append(((best - 1) % 3 == taste).mean())
    assert np.mean(right) > 0.6


def test_a_user_nobody_knows_is_served(served):
    found = served(10**9, 10**18)
    assert len(found)
    assert ((found[P_LIKE] > 0) & (found[P_LIKE] < 1)).all()


def test_held_out_requests_lie_in_the_test_window(trained):
    plan = FeedPlan.load(trained.folder / "evaluation")
    requests = pl.read_parquet(trained.folder / "lessons" / "funnel_requests.parquet")
    assert requests.columns == ["user", "at_us", "positives"]
    assert requests["at_us"].min() >= plan.split.test
    assert requests["positives"].list.len().min() > 0


def flipped(start, end=None):
    """The log with every outcome in ``[start, end)`` turned into its opposite."""
    inside = pl.col("at_us") >= start
    if end is not None:
        inside &= pl.col("at_us") < end
    positive = pl.when(inside).then(~pl.col("positive")).otherwise(pl.col("positive"))
    return interactions().with_columns(positive=positive)


def arrays_of(features):
    """Every array that features were fitted to."""
    table = features.transitions.table
    facts = dataclasses.asdict(features.statistics)
    return {
        **facts,
        "value": table.data,
        "follower": table.indices,
        "offsets": table.indptr,
        "vectors": features.item_vectors,
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def quiet(what, done, total):
    """Progress that nobody watches."""


def test_the_test_window_changes_no_model(trained, tmp_path):
    """Flip every outcome of the test window: whatever was fitted stays the same to the byte, figures do not."""
    test = FeedPlan.load(trained.folder / "evaluation").split.test
    other = train_release(dataset(interactions=flipped(test)), tmp_path / "releases", version="one", seed=3)
    fitted = [p for p in trained.manifest.files if p.startswith(("retrieval/", "ranking/", "evaluation/"))]
    assert len(fitted) > 10
    for path in fitted:
        assert other.manifest.files[path] == trained.manifest.files[path], path
    assert other.manifest.files["evaluation.json"] != trained.manifest.files["evaluation.json"]


def test_the_calibration_window_changes_no_source_and_no_table(trained, tmp_path):
    """It stops the training and calibrates; what finds candidates and what features read was fitted before it."""
    split = FeedPlan.load(trained.folder / "evaluation").split
    log = flipped(split.calibration, split.test)
    other = train_release(dataset(interactions=log), tmp_path / "releases", version="one", seed=3)
    tables = {f"ranking/feed/{name}.safetensors" for name in ("statistics", "transitions", "item_vectors")}
    earlier = {p for p in trained.manifest.files if p.startswith("retrieval/")} | tables
    assert len(earlier) > 10
    for path in earlier:
        assert other.manifest.files[path] == trained.manifest.files[path], path
    rates = "evaluation/rates.safetensors"
    assert other.manifest.files[rates] != trained.manifest.files[rates], "a negative control"


def test_the_calibration_window_changes_nothing_that_the_ranker_learns_from(trained):
    plan = FeedPlan.load(trained.folder / "evaluation")
    items = catalogue(trained)
    one, other = (
        dataclasses.asdict(ranker_examples(log, items, plan, progress=quiet))
        for log in (interactions(), flipped(plan.split.calibration))
    )
    assert_same(one.pop("rows"), other.pop("rows"))
    assert_same(one, other)


def test_the_ranker_s_own_labels_change_nothing_that_its_features_were_fitted_to(trained):
    """Flip the examples window and all after it: the sources and tables of the examples know none of it."""
    plan = FeedPlan.load(trained.folder / "evaluation")
    items = catalogue(trained)
    logs = (interactions(), flipped(plan.split.examples))
    (sources, features), (others, other_features) = (early_components(log, items, plan, progress=quiet) for log in logs)
    assert_same(arrays_of(features), arrays_of(other_features))
    requests = plan.requests(interactions(), plan.split.examples, plan.split.calibration, 50)
    for source, other in zip(sources, others, strict=True):
        found, again = source.retrieve(requests.batch), other.retrieve(requests.batch)
        np.testing.assert_array_equal(found.item, again.item, err_msg=source.name)
        np.testing.assert_array_equal(found.source_score, again.source_score, err_msg=source.name)
    late = early_components(flipped(0, plan.split.examples), items, plan, progress=quiet)[1]
    assert not np.array_equal(late.statistics.liked, features.statistics.liked), "a negative control"


def test_impressions_are_judged_on_what_was_shown(tmp_path):
    settings = FeedSettings(diversity=0.5, candidates_per_source=50)
    release = train_release(dataset("impressions"), tmp_path / "releases", version="one", settings=settings, seed=3)
    report = stored_report(release)
    facts = release.manifest.facts
    assert facts.policy == "feed-mmr-0.5"
    assert FeedPlan.load(release.folder / "evaluation").limit == 50
    assert "shown" in facts.probabilities["p_like"].of
    assert facts.sampling_rates == {"ranker negatives": 1.0}
    test = FeedPlan.load(release.folder / "evaluation").split.test
    assert report.rows <= (interactions()["at_us"] >= test).sum()
    probability = report.stages[2]
    assert probability.value("p_like", "log-loss") < probability.value("one rate for all", "log-loss")


def test_a_catalogue_without_users_gets_search_alone(tmp_path):
    graded = pl.DataFrame(
        [(g, i + 1, 3 if i % 3 == n else 0) for n, g in enumerate(GENRES) for i in range(30)],
        schema=JUDGEMENTS,
        orient="row",
    )
    bare = dataset(
        "catalogue", users=pl.DataFrame(schema=USERS), interactions=interactions().clear(), judgements=graded
    )
    release = train_release(bare, tmp_path / "releases", version="one")
    assert not (release.folder / "ranking").exists()
    assert release.manifest.facts.probabilities == {}
    (search,) = stored_report(release).stages
    assert search.value("organic search", "ndcg@10, judged items") > 0.9


def test_too_little_data_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="too few"):
        train_release(dataset(interactions=interactions().head(100)), tmp_path / "releases", version="one")
    assert not (tmp_path / "releases" / "one").exists()
    never = interactions().with_columns(positive=pl.lit(value=False))
    with pytest.raises(DataError, match="positive"):
        train_release(dataset(interactions=never), tmp_path / "releases", version="one")


def test_why_a_shown_item_has_its_score_is_worked_out_after_the_page_has_left(trained):
    """The request is put through the funnel again; once the history of its instant has changed, it says so instead."""
    catalogue, history = Catalogue.load(trained.folder / "catalogue.parquet"), HistoryStore(interactions())
    settings = FeedSettings(deadline_ms=60_000.0, source_budget_ms=60_000.0)
    served_us = 2 * int(interactions()["at_us"].max())
    with closing(SourcePool()) as pool:
        funnel = feed_funnel(trained, catalogue, history, settings, pool)
        run = funnel.run(RequestBatch.of(Request("r", k=5, at_us=served_us, user=7)), debug=True)
        policy = PolicyRecord(policy="feed", temperature=0.0, draw_key=0)
        page = Page(
            request_id="r", surface="feed", user=7, known_user=True, query="", release="one", served_us=served_us,
            policy=policy, items=(), traces=(run.trace,),
        )  # fmt: skip
        shown = next(row for row in run.trace.candidates if row.slot == 1)
        story = why_score(funnel, run.trace, page, shown, catalogue)
        p, other = story.probability, story.other
        assert p == pytest.approx(shown.values["p_like_raw"], abs=1e-6)
        expected = np.log(p / (1 - p)) - np.log(other / (1 - other))
        assert story.difference == pytest.approx(expected)
        assert sum(part.log_odds for part in story.parts) == pytest.approx(expected, abs=1e-4)
        unscored = msgspec.structs.replace(shown, values={})
        with pytest.raises(NotFound, match="taken apart"):
            why_score(funnel, run.trace, page, unscored, catalogue)
        unseen = next(row.item for row in run.trace.candidates if row.item != shown.item and not row.dropped_by)
        history.append(user=7, item=unseen, at_us=served_us - 1, positive=True)
        with pytest.raises(NotFound, match="no longer comes out"):
            why_score(funnel, run.trace, page, shown, catalogue)
