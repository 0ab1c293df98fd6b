"""Organic search on Icecat: 19,406 products, 89 queries of a real shop, graded by people from 0 to 3.

Three figures a query: NDCG@10 of the judged items alone, put in order; NDCG@10 of the whole catalogue, where what
nobody judged counts as irrelevant; recall@100 of what is graded 2 and above. Queries without anything to find have
no figure, and the rows say how many have one. The judged items are the first pages of some other engine, so the
second figure also asks how alike two engines are.

THE FOLDS ARE BY QUERY: whatever is learned from grades (the weights of fields and signals, the trees) is learned on
the other folds' queries, beginning from weights that no query chose. The query tower learns from the products' own
texts and sees no query. BM25 with bm25s is used as its manual says, over title, supplier and short description, with
a stemmer; on the products' attributes as well it does worse, so it is spared them. LambdaMART is what one would reach
for instead of three weights: LightGBM over the same signals.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import bm25s
import lightgbm
import numpy as np
import Stemmer

from benchmarks.report import Row, median_row
from shortlist.core.arrays import Float64, Int64
from shortlist.core.candidates import Candidates, merge
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.icecat import icecat_is_not_one_file, read_shared_icecat
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval
from shortlist.features.catalogue import Catalogue
from shortlist.learning.query_tower import QueryTowerRecipe, train_query_tower
from shortlist.retrieval.field_counts import FieldCounts
from shortlist.retrieval.graded_queries import GradedQueries
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.load import SEARCH_WEIGHTS
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer
from shortlist.retrieval.relevance_tuning import RelevanceCheck, cross_validate, folds_of

__all__ = ["PlainBm25", "plain_figures", "run"]

FIGURES = ("NDCG@10, judged items", "NDCG@10, whole catalogue", "recall@100 of grade >= 2")
FOLDS = 5
DEPTH = 200
WARM_UP = 1
PLAIN = "bm25s"
TREES = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "num_leaves": 4,
    "learning_rate": 0.05,
    "min_data_in_leaf": 100,
    "lambda_l2": 20.0,
    "monotone_constraints": [1, 1, 1],
    "num_threads": 1,
    "verbose": -1,
}
ROUNDS = 60


def run(quick: bool, seed: int) -> Sequence[Row]:
    """``quick`` trains the tower on a quarter of the examples and measures each query's time once."""
    dataset = read_shared_icecat()
    if dataset is None:
        raise icecat_is_not_one_file()
    catalogue = Catalogue(dataset.items)
    graded = GradedQueries(catalogue, dataset.judgements)
    recipe = QueryTowerRecipe(examples=60_000) if quick else QueryTowerRecipe()
    tower = QueryTowerSource(catalogue, train_query_tower(catalogue, recipe=recipe, rng=seed), limit=DEPTH)
    counts = FieldCounts.of(catalogue)
    check = cross_validate(catalogue, counts, tower, dataset.judgements, folds=FOLDS, rng=seed)
    plain = PlainBm25(catalogue)
    figures = {
        PLAIN: plain_figures(plain, graded),
        "LightGBM LambdaMART": _trees(catalogue, counts, tower, graded, check, seed),
        "query tower alone": _tower(tower, graded),
        "lexical source alone": check.lexical,
        "retrieval and relevance": check.relevance,
    }
    query = np.arange(len(graded.queries))
    rows: list[Row] = []
    for name, found in figures.items():
        who, told = (name, "") if name in {PLAIN, "LightGBM LambdaMART"} else ("shortlist", f"{name}: ")
        for what, value in zip(FIGURES, found, strict=True):
            interval = clustered_interval(value, query, rng=seed)
            asked = f"{told}{what} ({interval.n_clusters} of {len(query)} queries)"
            rows.append(Row(who, asked, interval.estimate, "", interval.low, interval.high))
    for what, ours, theirs in zip(FIGURES, check.relevance, figures[PLAIN], strict=True):
        interval = paired_interval(ours, theirs, query, rng=seed)
        asked = f"retrieval and relevance: {what}, over {PLAIN}"
        rows.append(Row("shortlist", asked, interval.estimate, "difference", interval.low, interval.high))
    return rows + _times(catalogue, counts, tower, plain, graded.queries, rounds=1 if quick else 5)


class PlainBm25:
    """bm25s over one text an item, as its manual shows it."""

    def __init__(self, catalogue: Catalogue) -> None:
        table = catalogue.table.select("title", "brand", "description")
        texts = [f"{title} {brand} {text.partition(chr(10))[0]}" for title, brand, text in table.iter_rows()]
        self._stemmer = Stemmer.Stemmer("english")
        self._index = bm25s.BM25()
        self._index.index(self._tokens(texts), show_progress=False)
        self._item = catalogue.item[1:]

    def score(self, query: str) -> Float64:
        """Of all items, ``(V,)``."""
        tokens = bm25s.tokenize(query, stopwords=None, stemmer=self._stemmer, return_ids=False, show_progress=False)
        return np.asarray(self._index.get_scores(tokens[0]), dtype=np.float64)

    def retrieve(self, queries: Sequence[str]) -> Candidates:
        """The ``DEPTH`` best of each query; items that share no word are not found."""
        found: list[tuple[Int64, Float64]] = []
        for query in queries:
            place, scores = self._index.retrieve(self._tokens([query]), k=DEPTH, show_progress=False)
            known = scores[0] > 0
            found.append((self._item[place[0][known]], scores[0][known]))
        offsets = np.cumsum([0, *(len(item) for item, _ in found)])
        item, score = (np.concatenate(part) for part in zip(*found, strict=True))
        return Candidates.found(PLAIN, offsets, item, score)

    def _tokens(self, texts: Sequence[str]) -> bm25s.tokenization.Tokenized:
        return bm25s.tokenize(list(texts), stopwords=None, stemmer=self._stemmer, show_progress=False)


def plain_figures(plain: PlainBm25, graded: GradedQueries) -> Float64:
    """The three figures of plain BM25, float64 ``(3, Q)``."""
    score = np.array([plain.score(query) for query in graded.queries])
    return _figures(graded, score[graded.query, graded.row - 1], plain.retrieve(graded.queries))


def _tower(tower: QueryTowerSource, graded: GradedQueries) -> Float64:
    asked = tower.query_vectors(graded.queries)[graded.query]
    score = np.einsum("nd,nd->n", asked, tower.item_vectors[graded.row])
    return _figures(graded, score, tower.retrieve(graded.batch))


def _figures(graded: GradedQueries, judged: Float64, found: Candidates) -> Float64:
    """The three figures of a source: its scores of the judged items, and what it found in its own order."""
    order = found.source_score[:, 0]
    return np.array([graded.judged(judged), *graded.retrieved(found, graded.grades(found), order)])


def _trees(
    catalogue: Catalogue,
    counts: FieldCounts,
    tower: QueryTowerSource,
    graded: GradedQueries,
    check: RelevanceCheck,
    seed: int,
) -> Float64:
    """LambdaMART over the three signals; each query by trees, and by fields' weights, that did not see it."""
    fold = folds_of(len(graded.queries), folds=FOLDS, rng=seed)
    figures = np.empty((3, len(graded.queries)))
    for part in range(FOLDS):
        fields = check.weights[int(np.flatnonzero(fold == part)[0])].fields
        lexical = LexicalSource(catalogue, counts.only(graded.queries).index(fields), limit=DEPTH)
        scorer = RelevanceScorer(catalogue, lexical, tower)
        found = merge([lexical.retrieve(graded.batch), tower.retrieve(graded.batch)])
        signals = scorer.signals(graded.queries, found.request_index, catalogue.rows(found.item))
        grade, seen = graded.grades(found), fold[found.request_index] != part
        lengths = np.diff(found.request_offsets)[fold != part]
        data = lightgbm.Dataset(signals[seen], grade[seen], group=lengths[lengths > 0])
        trees = lightgbm.train({**TREES, "seed": seed}, data, num_boost_round=ROUNDS)
        judged = trees.predict(scorer.signals(graded.queries, graded.query, graded.row))
        of_all = np.array([graded.judged(judged), *graded.retrieved(found, grade, trees.predict(signals))])
        figures[:, fold == part] = of_all[:, fold == part]
    return figures


def _times(
    catalogue: Catalogue,
    counts: FieldCounts,
    tower: QueryTowerSource,
    plain: PlainBm25,
    queries: Sequence[str],
    *,
    rounds: int,
) -> list[Row]:
    """Milliseconds a query, one at a time, ours and the peer's in turn: both sources, merge and relevance scores."""
    lexical = LexicalSource(catalogue, counts.index(), limit=DEPTH)
    relevance = RelevanceScorer(catalogue, lexical, tower)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(WARM_UP + rounds):
        for query in queries:
            batch = RequestBatch.of(Request(query, k=10, at_us=0, query=query))
            began = time.perf_counter()
            found = merge([lexical.retrieve(batch), tower.retrieve(batch)], weights=SEARCH_WEIGHTS)
            relevance.score(batch, found)
            between = time.perf_counter()
            plain.retrieve([query])
            theirs.append(1e3 * (time.perf_counter() - between))
            ours.append(1e3 * (between - began))
    kept = slice(WARM_UP * len(queries), None)
    return [
        median_row(who, what, np.array(times[kept]), q)
        for who, what, times in (
            ("shortlist", "retrieval and relevance, a query", ours),
            (PLAIN, "a query", theirs),
        )
        for q in (0.5, 0.99)
    ]
