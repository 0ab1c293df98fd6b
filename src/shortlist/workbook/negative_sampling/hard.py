"""The sheet of the widget ``hard``: towers that learn from ever more hard negatives, on the release's likes."""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Int64
from shortlist.funnel.engine import Engine
from shortlist.learning.fit_towers import item_vectors
from shortlist.learning.progress import Progress
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.lessons.negative_sampling.hard import EACH, KINDS, NEAREST, SHARES, HardSheet, HardTowers
from shortlist.workbook.negative_sampling.likes import Likes, release_likes
from shortlist.workbook.negative_sampling.towers import RECIPE, WeighedHard, ranks, scores, train, user_vectors

__all__ = ["HARD_RECIPE", "false_negatives", "make_hard", "negatives_of"]

HARD_RECIPE = msgspec.structs.replace(RECIPE, epochs=2, every=8)


def make_hard(engine: Engine, seed: int, progress: Progress) -> HardSheet:
    """Train towers for each share and correction; without hard ones both corrections are the same, and trained once."""
    likes = release_likes(engine, seed)
    found: dict[str, tuple[HardTowers, ...]] = {}
    for kind in KINDS:
        row = []
        for n, share in enumerate(SHARES):
            row.append(found[KINDS[0]][0] if share == 0 and found else _towers(likes, kind, share, seed))
            progress("lesson 6: hard negatives", len(found) * len(SHARES) + n + 1, len(KINDS) * len(SHARES))
        found[kind] = tuple(row)
    return HardSheet(
        release=engine.release.version,
        seed=seed,
        users=len(likes.looked_for),
        items=likes.n_rows - 1,
        positives=len(likes.examples),
        towers=found,
    )


def negatives_of(likes: Likes, kind: str, share: int) -> WeighedHard:
    """``EACH`` negatives a user, so many percent of them hard."""
    hard = EACH * share // 100
    return WeighedHard(likes.n_rows, CORRECTIONS[kind], hard=hard, uniform=EACH - hard, nearest=NEAREST)


def false_negatives(row: Int64, likes: Likes) -> tuple[float, float]:
    """Of negatives ``(U, m)`` drawn for each user, the shares that the user liked before, and was to like later."""
    before = np.take_along_axis(likes.left_out, row, axis=1)
    later = (row[:, :, None] == likes.looked_for[:, None, :]).any(axis=2)
    return float(before.mean()), float(later.mean())


def _towers(likes: Likes, kind: str, share: int, seed: int) -> HardTowers:
    negatives = negatives_of(likes, kind, share)
    model = train(likes, negatives, HARD_RECIPE, seed)
    rank = ranks(scores(model, likes), likes.looked_for)
    tail = ~likes.head[likes.looked_for]
    negatives.refresh(item_vectors(model).numpy())
    drawn = negatives.draw(likes.looked_for[:, 0], user_vectors(model, likes), np.random.default_rng(seed))
    before, later = false_negatives(drawn.row, likes)
    return HardTowers(
        recall_20=float((rank < 20).mean()),
        recall_100=float((rank < 100).mean()),
        tail_100=float((rank < 100)[tail].mean()),
        before=before,
        later=later,
    )
