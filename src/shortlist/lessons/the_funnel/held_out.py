"""How recall grows with the candidates that the ranker sees: the release's held-out requests through its own funnel.

A *list* is what goes on to the ranker, in an order of its own: the merge of all sources, or what one source found.
Cutting a list after its first ``kept`` rows and letting the ranker choose the page from them says what the list's
ceiling is and how much of it the page gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RANK_SCORE, RETRIEVAL_SCORE
from shortlist.core.errors import NotFound
from shortlist.core.request import Request, RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.funnel.feed import all_ranked
from shortlist.funnel.runner import Funnel

__all__ = ["KEPT", "MAX_SHOWN", "MERGED", "RecallTable", "Recalls", "held_out_requests", "recalls"]

KEPT = tuple(range(10, 401, 10))
"""The numbers of candidates for which recall is worked out."""
MERGED = "merged"
"""The list that all sources fill together, in the order of the merge."""
MAX_SHOWN = 50
MAX_REQUESTS = 200
CHUNK = 25
FILE = "lessons/funnel_requests.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class RecallTable:
    """Mean recall over the held-out requests, for one list.

    Attributes:
        kept: the numbers of candidates that go on to the ranker, ``(G,)``.
        retrieved: float64 ``(G,)``, recall of the first ``kept`` candidates in the list's own order.
        shown: float64 ``(G, MAX_SHOWN)``, recall of the page: the best ``s`` by rank score among the first ``kept``.
        unranked: float64 ``(MAX_SHOWN,)``, recall of the list's own first ``s``: the page without a ranker.
        mean_found: candidates a request, after the filters.
    """

    kept: Int64
    retrieved: Float64
    shown: Float64
    unranked: Float64
    mean_found: float

    def at(self, kept: int, shown: int) -> tuple[float, float]:
        """Recall after retrieval, and on the page."""
        row = int(np.searchsorted(self.kept, kept))
        return float(self.retrieved[row]), float(self.shown[row, shown - 1])

    def enough(self, shown: int, share: float = 0.95) -> int:
        """The least ``kept`` at which the page has ``share`` of the best recall that any ``kept`` gives."""
        curve = self.shown[:, shown - 1]
        return int(self.kept[int(np.argmax(curve >= share * curve.max()))])


@dataclass(frozen=True, slots=True, eq=False)
class Recalls:
    """The tables of every list, and a request to run the stopwatch on.

    Attributes:
        informed: the table of ``MERGED`` and of each source's list; all sources ran, so the ranker read what each of
            them says of a candidate, whichever list it came from.
        alone: the table of each source's list where that source alone ran: what the others would have said of a
            candidate is missing from the ranker's features.
        n_requests: how many requests the means are over.
        example: one request with all its candidates, in the order of the merge.
    """

    informed: Mapping[str, RecallTable]
    alone: Mapping[str, RecallTable]
    n_requests: int
    example: tuple[RequestBatch, Candidates]

    def of(self, filled_by: str, *, alone: bool = False) -> RecallTable:
        """One list's table; the merge has no other source to do without.

        Raises:
            NotFound: the release has no such source.
        """
        tables = self.alone if alone and filled_by != MERGED else self.informed
        if filled_by not in tables:
            raise NotFound(
                f"this release has no source {filled_by!r}",
                where="the widget's list",
                fix=f"one of {', '.join(sorted(self.informed))}",
            )
        return tables[filled_by]


def held_out_requests(engine: Engine) -> tuple[tuple[Request, ...], Ragged]:
    """The requests that the release's training never saw, and what their users went on to like.

    Raises:
        NotFound: the release has none.
    """
    path = engine.release.folder / FILE
    if not path.is_file():
        raise NotFound(
            "this release holds no held-out requests", where=FILE, fix="train it on a data set with users and times"
        )
    table = pl.read_parquet(path)
    table = table.gather_every(-(-len(table) // MAX_REQUESTS) or 1)
    requests = tuple(
        Request(request_id=f"held-out-{n}", k=10, at_us=at_us, user=user, draw_key=n)
        for n, (user, at_us) in enumerate(table.select("user", "at_us").iter_rows())
    )
    return requests, Ragged.from_lists(table["positives"].to_list())


def recalls(engine: Engine) -> Recalls:
    """Run the held-out requests with all sources, then with each source alone, and work out every list's recall.

    Every candidate is ranked: how many should be is what the lesson asks.

    ``recall = |positives among the chosen| / |positives|`` a request, then the mean over requests.
    """
    requests, positives = held_out_requests(engine)
    if not requests:
        raise NotFound("this release holds no held-out requests", where=FILE, fix="train it on more data")
    funnel = all_ranked(engine.feed.funnel)
    sources = {stage.component.name: stage for stage in funnel.sources}
    informed, example = _tables(funnel, requests, positives, (MERGED, *sources))
    alone = {
        name: _tables(replace(funnel, sources=(stage,)), requests, positives, (name,))[0][name]
        for name, stage in sources.items()
    }
    return Recalls(informed, alone, len(requests), example)


def _tables(
    funnel: Funnel, requests: tuple[Request, ...], positives: Ragged, lists: tuple[str, ...]
) -> tuple[dict[str, RecallTable], tuple[RequestBatch, Candidates]]:
    """Each list's table, and the request with the most candidates."""
    sums = {name: _Sums() for name in lists}
    most, example = -1, None
    for start in range(0, len(requests), CHUNK):
        run = funnel.run(RequestBatch.of(*requests[start : start + CHUNK]), patient=True)
        for r in range(len(run.batch)):
            liked = positives[start + r]
            for name in lists:
                rows = _in_order(run.scored, r, name)
                sums[name].add(np.isin(run.scored.item[rows], liked), run.scored[RANK_SCORE][rows], len(liked))
            rows = _in_order(run.scored, r, MERGED)
            if len(rows) > most:
                one = RequestBatch.of(run.batch.requests[r])
                one = one.with_history(_list(run.batch.history, r), _list(run.batch.seen, r))
                most, example = len(rows), (one, run.scored.arrange(rows, np.array([0, len(rows)])))
    assert example is not None  # noqa: S101 - there is a request
    return {name: sums[name].table(len(requests)) for name in lists}, example


class _Sums:
    """Adds up one list's recall over requests."""

    def __init__(self) -> None:
        self._retrieved = np.zeros(len(KEPT))
        self._shown = np.zeros((len(KEPT), MAX_SHOWN))
        self._unranked = np.zeros(MAX_SHOWN)
        self._found = 0

    def add(self, hit: Bool, rank_score: Float64, of: int) -> None:
        """One request's list: which rows are positives, and their rank scores, in the list's order."""
        so_far = np.concatenate([[0], np.cumsum(hit)])
        self._retrieved += so_far[np.minimum(KEPT, len(hit))] / of
        self._unranked += so_far[np.minimum(np.arange(1, MAX_SHOWN + 1), len(hit))] / of
        self._shown += _recall_of_page(hit, rank_score, of)
        self._found += len(hit)

    def table(self, n: int) -> RecallTable:
        """The means over ``n`` requests."""
        return RecallTable(np.array(KEPT), self._retrieved / n, self._shown / n, self._unranked / n, self._found / n)


def _in_order(candidates: Candidates, request: int, filled_by: str) -> Int64:
    """The rows of a request's list, the first to be kept first."""
    part = candidates.rows_of(request)
    rows = np.arange(part.start, part.stop, dtype=np.int64)
    if filled_by == MERGED:
        order: Int64 = rows[np.argsort(-candidates[RETRIEVAL_SCORE][rows], kind="stable")]
        return order
    rank = candidates.source_rank[rows, candidates.source_names.index(filled_by)]
    found: Int64 = rows[rank >= 0]
    return found[np.argsort(rank[rank >= 0], kind="stable")]


def _recall_of_page(hit: Bool, rank_score: Float64, of: int) -> Float64:
    """Recall of the best 1, 2, … rows by rank score among the first ``kept``: ``(G, MAX_SHOWN)``."""
    best_first = np.argsort(-rank_score, kind="stable")
    recall = np.empty((len(KEPT), MAX_SHOWN))
    for g, kept in enumerate(KEPT):
        chosen = hit[best_first[best_first < kept][:MAX_SHOWN]]
        so_far = np.cumsum(np.pad(chosen.astype(np.int64), (0, MAX_SHOWN - len(chosen))))
        recall[g] = so_far / of
    return recall


def _list(lists: Ragged, index: int) -> Ragged:
    return Ragged.from_lists([lists[index]])
