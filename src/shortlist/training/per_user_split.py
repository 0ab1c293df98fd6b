"""The retrieval literature's protocol, for comparison with it only: it leaks the future."""

from __future__ import annotations

import numpy as np
import polars as pl

from shortlist.core.arrays import Int64, Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.request import Request, RequestBatch
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.evaluation.metrics.recall import recall
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.fit import fit_als, fit_item_neighbours, fit_popular
from shortlist.retrieval.load import FEED_WEIGHTS
from shortlist.training.report import Figure, Stage, figure

__all__ = ["judge_per_user_split"]

_TEST_SHARE = 0.2
_USERS_AT_MOST = 2_000


def judge_per_user_split(interactions: pl.DataFrame, catalogue: Catalogue, *, seed: int) -> Stage:
    """Recall when each user's last fifth of events is held out, and the rest of **all** users' is learned from.

    The models then know what other users did after the moment of the test: a leak of the future, which flatters
    whatever learns from co-occurrence. The sources are fitted anew on that split; the two-tower source, which takes
    the longest, is left out.

    Args:
        interactions: schema ``INTERACTIONS``.
        catalogue: the release's items.
        seed: of the factorization, of the choice of users, and of the intervals.
    """
    place = (pl.col("at_us").rank("ordinal").over("user") - 1) / pl.len().over("user")
    table = interactions.sort(["user", "at_us", "item"]).with_columns(place.alias("place"))
    train = table.filter(pl.col("place") < 1.0 - _TEST_SHARE).drop("place")
    test = table.filter((pl.col("place") >= 1.0 - _TEST_SHARE) & pl.col("positive"))
    users = np.unique(test["user"].to_numpy())
    if len(users) > _USERS_AT_MOST:
        users = np.sort(np.random.default_rng(seed).choice(users, size=_USERS_AT_MOST, replace=False))
    requests = tuple(
        Request(request_id=f"per-user-{user}", k=10, at_us=0, user=int(user), draw_key=n)
        for n, user in enumerate(users.tolist())
    )
    batch = RequestBatch.of(*requests).with_history(
        _lists(train.filter(pl.col("positive")), users), _lists(train, users)
    )
    held_out = _lists(test, users)
    popular = fit_popular(train, catalogue)
    neighbours = fit_item_neighbours(train, catalogue)
    als = fit_als(train, catalogue, seed=seed)
    found = [source.retrieve(batch) for source in (popular, neighbours, als)]
    lines: list[Figure] = []
    for who, candidates in zip(("popularity", "item-kNN", "als"), found, strict=True):
        lines += _recalls(who, candidates, -candidates.source_rank[:, 0].astype(np.float64), held_out, users, seed)
    both = merge(found, weights=FEED_WEIGHTS)
    lines += _recalls("merge of these three", both, both[RETRIEVAL_SCORE], held_out, users, seed)
    return Stage(
        title="retrieval on a per-user split",
        note="LEAKS THE FUTURE: every user's last fifth is held out, while other users' later events are learned from; "
        "only for comparison with papers that do so",
        figures=tuple(lines),
    )


def _recalls(
    who: str,
    candidates: Candidates,
    score: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    held_out: Ragged,
    users: Int64,
    seed: int,
) -> list[Figure]:
    hit, offsets = held_out.contains(candidates.request_index, candidates.item), candidates.request_offsets
    return [
        figure(
            who,
            f"recall@{k}",
            clustered_interval(
                recall(score, hit, candidates.item, offsets, n_relevant=held_out.lengths, k=k), users, rng=seed
            ),
        )
        for k in (20, 50)
    ]


def _lists(table: pl.DataFrame, users: Int64) -> Ragged:
    """Each user's items in the table's order."""
    user, item = table["user"].to_numpy(), table["item"].to_numpy()
    ends = (np.searchsorted(user, users, side="left"), np.searchsorted(user, users, side="right"))
    return Ragged.from_lists([item[a:b] for a, b in zip(*ends, strict=True)])
