"""A trained release and items that arrived after it: found by tower, search and exploration, ranked, shown, undone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from shortlist.app.workbench import workbench
from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import LITTLE_KNOWN, RANK_SCORE, RETRIEVAL_SCORE
from shortlist.core.request import Request, RequestBatch
from shortlist.core.settings import FeedSettings, Settings
from shortlist.features.added_items import AddedItems, NewItem
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeedFeatures
from shortlist.ranking.feed_ranker import FeedRanker
from shortlist.releases.active import activate
from shortlist.retrieval.load import load_fresh, load_two_tower

CRIME, WAR, STRANGE = 900, 901, 902
NEW = (
    NewItem(item=CRIME, title="crime story 99", categories=("crime",), released_us=10),
    NewItem(item=WAR, title="war story 98", categories=("war", "never heard of")),
    NewItem(item=STRANGE, title="zzyzx"),
)
NOW_US = 10**15
PATIENT = {"deadline_ms": 1e6, "source_budget_ms": 1e6}
EXPLORING = FeedSettings(temperature=0.05, exploration=0.2, **PATIENT)


@pytest.fixture(scope="module")
def state(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("added") / "state"
    shutil.copytree(trained.folder.parent.parent, folder)  # the key that signed the release goes along
    activate(folder / "releases", trained.version)
    items = AddedItems.open(folder)
    items.add(NEW, NOW_US - 1)
    items.close()
    return folder


@pytest.fixture(scope="module")
def engine(state):
    with workbench(state, Settings(feed=EXPLORING)) as engine:
        yield engine


def asked(history, *, n=1, user=None, query="", at_us=NOW_US):
    requests = (Request(f"r{i}", k=8, at_us=at_us, user=user, query=query, draw_key=i) for i in range(n))
    return RequestBatch.of(*requests).with_history(*[Ragged.from_lists([history] * n)] * 2)


def crime_fan(engine):
    """A user who likes crime, as the world says: item i is crime where (i - 1) % 3 == 0."""
    for user in engine.history.users(50):
        liked, _ = engine.history.before([user], [NOW_US])
        if len(liked[0]) > 10 and np.mean(liked[0] % 3 == 1) > 0.8:
            return user
    raise AssertionError("the world has a crime fan")


def test_the_tower_places_a_new_item_among_its_kind(engine, state):
    source = load_two_tower(engine.release.folder / "retrieval", engine.catalogue, limit=100)
    vectors = source.item_vectors
    rows = engine.catalogue.rows(np.array([CRIME, WAR, STRANGE]))
    kinds = [vectors[1 + k : 61 : 3].mean(axis=0) for k in range(3)]  # crime, comedy, war
    assert np.argmax([kind @ vectors[rows[0]] for kind in kinds]) == 0
    assert np.argmax([kind @ vectors[rows[1]] for kind in kinds]) == 2
    assert not vectors[rows[2]].any()
    found = source.retrieve(asked([1, 4, 7])).item.tolist()
    assert found.index(CRIME) < found.index(WAR)
    assert STRANGE not in found  # the tower knows nothing of it, and says so rather than guessing
    released = Catalogue.load(engine.release.folder / "catalogue.parquet")
    before = load_two_tower(engine.release.folder / "retrieval", released, limit=100)
    assert before.item_vectors.tobytes() == vectors[: len(released)].tobytes()


def test_a_liked_new_item_is_part_of_a_history(engine):
    source = load_two_tower(engine.release.folder / "retrieval", engine.catalogue, limit=5)
    assert (source.retrieve(asked([CRIME])).item % 3 == 1).mean() > 0.5
    assert len(source.retrieve(asked([STRANGE]))) == 0


def test_search_and_the_freshest_find_new_items(engine):
    scored = engine.search.funnel.run(asked([], query="crime story 99"), patient=True).scored
    assert scored.item[np.argmax(scored[RANK_SCORE])] == CRIME
    assert engine.search.funnel.run(asked([], query="zzyzx"), patient=True).shown.item[0] == STRANGE
    fresh = load_fresh(engine.release.folder / "retrieval", engine.catalogue, limit=3)
    assert set(fresh.retrieve(asked([])).item[:2].tolist()) == {WAR, STRANGE}  # added a moment ago
    assert len(fresh.retrieve(asked([], at_us=5)).item) == 3  # and not before that moment
    assert not {WAR, STRANGE} & set(fresh.retrieve(asked([], at_us=NOW_US - 2)).item.tolist())


def test_to_the_ranker_a_new_item_is_row_0_with_features_of_its_own(engine):
    released = Catalogue.load(engine.release.folder / "catalogue.parquet")
    folder = engine.release.folder / "ranking" / "feed"
    old = FeedRanker.load(folder, released)
    vectors = load_two_tower(engine.release.folder / "retrieval", engine.catalogue).item_vectors
    new = old.extended(engine.catalogue, vectors)
    assert new.features.spec.hash == old.features.spec.hash
    items = np.array([5, CRIME, 8, STRANGE, WAR])
    candidates = Candidates.found("two_tower", np.array([0, 5]), items, np.linspace(1, 0, 5))
    candidates = candidates.with_columns({RETRIEVAL_SCORE: np.linspace(1, 0, 5)})
    batch = asked([1, 4, CRIME, 7])
    rows = new.features.compute(batch, candidates)
    assert rows.row.tolist() == [5, 0, 8, 0, 0]
    names = [feature.name for feature in new.features.spec.candidate]
    met, age, has_age, near = (names.index(n) for n in ("met", "age", "has_age", "near_liked"))
    assert rows.candidate[1, met] == rows.candidate[3, met] == 0
    assert rows.candidate[1, age] == pytest.approx(rows.candidate[0, age], abs=1e-5)  # released with the others
    assert rows.candidate[4, age] == 0  # released after the last event of the training
    assert rows.candidate[4, has_age] == 1
    assert rows.candidate[1, near] > rows.candidate[4, near]
    assert rows.categories[1].tolist() == rows.categories[0].tolist() or rows.categories[1, 0] > 0
    # Released items are seen exactly as before.
    with_known = asked([1, 4, 7])
    old_rows = old.features.compute(with_known, candidates.keep(np.array([True, False, True, False, False])))
    same = new.features.compute(with_known, candidates.keep(np.array([True, False, True, False, False])))
    assert same.candidate.tobytes() == old_rows.candidate.tobytes()
    assert same.row.tobytes() == old_rows.row.tobytes()
    p = next(iter(new.score(batch, candidates).values()))
    assert ((p > 0) & (p < 1)).all()


def test_without_the_vocabulary_a_new_item_would_have_a_row_of_its_own(engine):
    """The negative control: features made over the longer catalogue alone have another spec, which is refused."""
    old = FeedRanker.load(
        engine.release.folder / "ranking" / "feed", Catalogue.load(engine.release.folder / "catalogue.parquet")
    )
    f = old.features
    naive = FeedFeatures(
        engine.catalogue,
        f.statistics.extended(engine.catalogue),
        f.transitions,
        f.item_vectors,
        sources=f.sources,
        limit=f.limit,
    )
    assert naive.spec.hash != old.facts.features_hash


def test_exploration_shows_what_few_have_met_with_the_chance_it_logs(engine):
    run = engine.feed.funnel.run(asked([], user=crime_fan(engine)), patient=True)
    assert {CRIME, WAR, STRANGE} & set(run.scored.item[run.scored[LITTLE_KNOWN] > 0].tolist()) == {CRIME, WAR}
    page = engine.feed.serve(Request("r", k=8, at_us=NOW_US, user=crime_fan(engine), draw_key=5))
    assert page.policy.policy == "feed-mmr-0.2-explore-0.2-met-below-20"
    assert (page.policy.exploration, page.policy.exploration_temperature) == (0.2, 0.3)
    assert page.degradations == ()
    newcomer = engine.feed.funnel.run(asked([], user=None), patient=True)  # nobody knows them: the newest
    assert {WAR, STRANGE} <= set(newcomer.scored.item[newcomer.scored[LITTLE_KNOWN] > 0].tolist())


def test_without_exploration_the_feed_is_as_before(state):
    """Bit for bit: settings of exploration that is off leave no trace."""
    plain = FeedSettings(temperature=0.05, **PATIENT)
    odd = FeedSettings(temperature=0.05, exploration_temperature=7.0, little_known_below=999, **PATIENT)
    shown = []
    for settings in (plain, odd):
        with workbench(state, Settings(feed=settings)) as engine:
            pages = [engine.feed.serve(Request(f"r{n}", k=8, at_us=NOW_US, user=n, draw_key=n)) for n in range(30)]
            shown.append([(page.policy, page.items) for page in pages])
            names = [stage.component.name for stage in engine.feed.funnel.sources]
            assert names == ["popular", "item_neighbours", "als", "two_tower"]
    assert shown[0] == shown[1]


def test_whoever_likes_nothing_yet_gets_what_is_popular_and_whoever_does_gets_the_tower(engine):
    for n_likes in (0, 1, 2, 5):
        found = engine.feed.funnel.run(asked([], user=None), patient=True).scored
        assert len(found)
        by_tower = load_two_tower(engine.release.folder / "retrieval", engine.catalogue).retrieve(
            asked([1, 4, 7, 10, 13][:n_likes])
        )
        assert bool(len(by_tower)) == bool(n_likes)
