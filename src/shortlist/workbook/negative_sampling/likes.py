"""What the small trainings learn from and are judged by: a planted world's events, or a release's likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.core.errors import NotFound
from shortlist.funnel.engine import Engine
from shortlist.learning.tower_examples import TowerExamples
from shortlist.simulation.taste_groups import TasteGroups
from shortlist.training.evaluate import HISTORY_FILE

__all__ = ["Likes", "planted_likes", "release_likes"]

PLANTED = TasteGroups()
USERS_AT_MOST = 700
LEARNED, LOOKED_FOR = 10, 4
READ = 20
POSITIVES_AT_MOST = 8_000


@dataclass(frozen=True, slots=True, eq=False)
class Likes:
    """Positives to learn from, and each user's last few to look for.

    Attributes:
        examples: of all likes but those that are looked for.
        n_rows: V + 1.
        history: int64 ``(U, L)``, what is known of a user when the list is made, newest first, padded with 0.
        looked_for: int64 ``(U, 4)``, the rows of what each user liked last.
        left_out: bool ``(U, V + 1)``, rows that a list does not show again.
        chance: float64 ``(U, V + 1)``, the true p(i | u) where it is known, else None.
    """

    examples: TowerExamples
    n_rows: int
    history: Int64
    looked_for: Int64
    left_out: Bool
    chance: Float64 | None = None

    @property
    def head(self) -> Bool:
        """Bool ``(V + 1,)``: the fewest items that hold half of the positives, the most popular first."""
        count = self.examples.counts(self.n_rows)
        order = np.argsort(-count, kind="stable")
        enough = int(np.searchsorted(np.cumsum(count[order]), count.sum() / 2)) + 1
        head = np.zeros(self.n_rows, dtype=np.bool_)
        head[order[:enough]] = True
        return head


def planted_likes(engine: Engine, seed: int) -> Likes:
    """As many simulated users as the release knows, 700 at most, so that a small release prepares fast; items recur."""
    users = len(engine.history.users(USERS_AT_MOST)) or USERS_AT_MOST
    group, events = PLANTED.draw(users, LEARNED + LOOKED_FOR, rng=np.random.default_rng(seed))
    chance = np.stack([PLANTED.chance(own) for own in range(PLANTED.groups)])[group]
    return _likes(list(events), PLANTED.n_rows, recur=True, seed=seed, chance=chance)


def release_likes(engine: Engine, seed: int) -> Likes:
    """The likes that the release came with: of each user with eight or more the last four are looked for.

    A split by user and not by time: what others liked later is learned from. That flatters all samplers alike; it
    compares them and is no figure of the release.

    Raises:
        NotFound: the release holds no histories, or none is long enough.
    """
    path = engine.release.folder / HISTORY_FILE
    fix = "train the release on a data set with users and times"
    if not path.is_file():
        raise NotFound("this release holds no histories", where=HISTORY_FILE, fix=fix)
    liked = pl.read_parquet(path).filter(pl.col("positive")).sort(["user", "at_us", "item"])
    rows = engine.catalogue.rows(liked["item"].to_numpy())
    user = liked["user"].to_numpy()[rows > 0]
    each = np.split(rows[rows > 0], np.flatnonzero(np.diff(user)) + 1)
    long = [own for own in each if len(own) >= 2 * LOOKED_FOR]
    if not long:
        raise NotFound("no user has eight likes", where=HISTORY_FILE, fix=fix)
    return _likes(long, len(engine.catalogue), recur=False, seed=seed)


def _likes(events: Sequence[Int64], n_rows: int, *, recur: bool, seed: int, chance: Float64 | None = None) -> Likes:
    learned = [own[:-LOOKED_FOR] for own in events]
    length = np.array([len(own) for own in learned])
    liked = np.concatenate(learned)
    start = np.repeat(np.cumsum(length) - length, length)
    at = np.flatnonzero(np.arange(len(liked)) > start)
    if len(at) > POSITIVES_AT_MOST:
        at = np.sort(np.random.default_rng(seed).choice(at, size=POSITIVES_AT_MOST, replace=False))
    history = np.zeros((len(learned), READ), dtype=np.int64)
    left_out = np.zeros((len(learned), n_rows), dtype=np.bool_)
    left_out[:, 0] = True
    for place, own in enumerate(learned):
        latest = own[-READ:][::-1]
        history[place, : len(latest)] = latest
        if not recur:
            left_out[place, own] = True
    examples = TowerExamples(liked.astype(np.int32), start[at], at)
    return Likes(examples, n_rows, history, np.stack([own[-LOOKED_FOR:] for own in events]), left_out, chance)
