"""How recall grows with the candidates that a stage keeps: the release's held-out requests through its own funnel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RANK_SCORE, RETRIEVAL_SCORE
from shortlist.core.errors import NotFound
from shortlist.core.request import Request, RequestBatch
from shortlist.funnel.engine import Engine

__all__ = ["KEPT", "MAX_SHOWN", "RecallTable", "held_out_requests", "recall_table"]

KEPT = tuple(range(10, 401, 10))
"""The numbers of candidates for which recall is worked out."""
MAX_SHOWN = 50
MAX_REQUESTS = 200
CHUNK = 25
FILE = "lessons/funnel_requests.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class RecallTable:
    """Mean recall over the held-out requests.

    Attributes:
        kept: the numbers of candidates that go on to the ranker, ``(G,)``.
        retrieved: float64 ``(G,)``, recall of the first ``kept`` candidates in the order of the merge.
        shown: float64 ``(G, MAX_SHOWN)``, recall of the page: the best ``s`` by rank score among the first ``kept``.
        n_requests: how many requests the means are over.
        mean_found: candidates a request, after the filters.
        example: one request with all its candidates, in the order of the merge: what the stopwatch runs on.
    """

    kept: Int64
    retrieved: Float64
    shown: Float64
    n_requests: int
    mean_found: float
    example: tuple[RequestBatch, Candidates]

    def at(self, kept: int, shown: int) -> tuple[float, float]:
        """Recall after retrieval, and on the page."""
        row = int(np.searchsorted(self.kept, kept))
        return float(self.retrieved[row]), float(self.shown[row, shown - 1])

    def enough(self, shown: int, share: float = 0.95) -> int:
        """The least ``kept`` at which the page has ``share`` of the best recall that any ``kept`` gives."""
        curve = self.shown[:, shown - 1]
        return int(self.kept[int(np.argmax(curve >= share * curve.max()))])


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


def recall_table(engine: Engine) -> RecallTable:
    """Run the held-out requests once and work out recall for every number of kept candidates.

    ``recall = |positives among the chosen| / |positives|`` a request, then the mean over requests.
    """
    requests, positives = held_out_requests(engine)
    retrieved = np.zeros(len(KEPT))
    shown = np.zeros((len(KEPT), MAX_SHOWN))
    found = 0
    example: tuple[RequestBatch, Candidates] | None = None
    for start in range(0, len(requests), CHUNK):
        run = engine.feed.funnel.run(RequestBatch.of(*requests[start : start + CHUNK]), patient=True)
        found += len(run.scored)
        for r in range(len(run.batch)):
            rows = _in_merge_order(run.scored, r)
            hit = np.isin(run.scored.item[rows], positives[start + r])
            of = len(positives[start + r])
            retrieved += _recall_of_first(hit, of)
            shown += _recall_of_page(hit, run.scored[RANK_SCORE][rows], of)
            if example is None or len(rows) > len(example[1]):
                one = RequestBatch.of(run.batch.requests[r])
                one = one.with_history(_list(run.batch.history, r), _list(run.batch.seen, r))
                example = (one, run.scored.arrange(rows, np.array([0, len(rows)])))
    if example is None:
        raise NotFound("this release holds no held-out requests", where=FILE, fix="train it on more data")
    n = len(requests)
    return RecallTable(np.array(KEPT), retrieved / n, shown / n, n, found / n, example)


def _in_merge_order(candidates: Candidates, request: int) -> Int64:
    rows = candidates.rows_of(request)
    order: Int64 = rows.start + np.argsort(-candidates[RETRIEVAL_SCORE][rows], kind="stable")
    return order


def _recall_of_first(hit: Bool, of: int) -> Float64:
    """Recall of the first ``kept`` rows, for each of ``KEPT``."""
    so_far = np.concatenate([[0], np.cumsum(hit)])
    return so_far[np.minimum(KEPT, len(hit))] / of


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
