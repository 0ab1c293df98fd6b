"""KuaiRand-Pure's impressions as everybody sees them: rows to learn from, to choose on and to judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Int64
from shortlist.datasets.kuairand_impressions import OUTCOMES, load_impressions
from shortlist.features.declaration import Category, Declaration, History, Number, Tags
from shortlist.features.declared_features import DeclaredFeatures
from shortlist.features.declared_rows import DeclaredRows
from shortlist.features.event_store import EventStore
from shortlist.features.statistics_table import Statistic
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.spec_sizes import spec_sizes

__all__ = ["SMALL", "Split", "Window"]

CODES = tuple(f"onehot_feat{k}" for k in range(18))
COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
KNOWN_OF_USER = ("is_live_streamer", "is_video_author", *COUNTS, *CODES)
SMALL = 128
"""Ids up to which a peer is given a category as such; CatBoost has a setting in which it is given all."""

LOG = 100_000.0
"""Events of which the statistics' counts are shares: rows to learn from know six days of the log, rows that are chosen
on seven, rows that are judged eight. With plain counts each day that the log grew moved all models' level."""

DECLARATION = Declaration(
    user="user",
    request=("user", "tab", "hour", "active", *KNOWN_OF_USER),
    features=(
        *(Number(name=f"{name} as a number", column=name) for name in ("seconds", "width", "height", "hour")),
        *(Number(name=f"{name} as a number", column=name) for name in KNOWN_OF_USER),
        Category(name="user", columns=("user",)),
        Category(name="item", columns=("item",), least=3),
        Category(name="tag", columns=("tag",)),
        Category(name="music", columns=("music",), least=5),
        *(Category(name=name, columns=(name,)) for name in ("upload", "music_type", "length", "tab", "hour", "active")),
        *(Category(name=f"tab and {name}", columns=("tab", name)) for name in ("hour", "length", "tag")),
        Tags(name="tags", column="tags", length=3),
        History(name="clicked", like="item", length=5, outcome="is_click"),
        History(name="tags clicked", like="tag", length=5, outcome="is_click"),
        History(name="passed over", like="item", length=5, outcome="is_click", happened=False),
        History(name="tags passed over", like="tag", length=5, outcome="is_click", happened=False),
    ),
    statistics=(
        *(Statistic(name=name, columns=(name,), per=LOG) for name in ("user", "item")),
        *(Statistic(name=name, columns=(name,), per=LOG, transform="none") for name in ("tag", "length", "tab")),
        *(
            Statistic(name=f"user, {name}", columns=("user", name), prior="user", per=LOG)
            for name in ("tab", "tag", "length")
        ),
        Statistic(name="item, tab", columns=("item", "tab"), prior="item", per=LOG),
        *(
            Statistic(name=f"tab, {name}", columns=("tab", name), prior="tab", per=LOG, transform="none")
            for name in ("tag", "length", "hour")
        ),
    ),
    outcomes=OUTCOMES,
)


CODED = Declaration(
    user="user",
    request=("user", *CODES),
    features=tuple(Category(name=CODES[k], columns=(CODES[k],), least=20) for k in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11)),
)
"""The users' codes of more than three values as categories, which CatBoost is better with."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Impressions of some days, ready for everybody.

    Attributes:
        rows: the inputs; their label is the target's.
        codes: int64 ``(N, ·)``, the users' codes as categories.
        user: of each row.
    """

    rows: InputRows
    codes: Int64
    user: Int64

    @property
    def label(self) -> Bool:
        """Did it happen?"""
        return self.rows.label > 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows to learn from, to choose on and to judge."""

    learn: Window
    later: Window
    test: Window

    @classmethod
    def of(cls, target: str, days: tuple[int, int, int], *, every: int) -> Split:
        """The impressions of every so-manieth user.

        Args:
            target: "is_click" or "long_view".
            days: the instants at which the later rows, the test rows, and what follows them begin.
            every: 1 for all users.
        """
        table = load_impressions().filter(pl.col("user") % every == 0)
        later_us, test_us, end_us = days
        learn, later, test = (
            table.filter((pl.col("at_us") >= start) & (pl.col("at_us") < end))
            for start, end in ((0, later_us), (later_us, test_us), (test_us, end_us))
        )
        rows = (
            DeclaredRows.cross_fitted(learn, learn["at_us"].to_numpy(), end_us=later_us),
            DeclaredRows.impressions(later, np.full(len(later), later_us)),
            DeclaredRows.impressions(test, np.full(len(test), test_us)),
        )
        store = EventStore(DECLARATION, table)
        features = DeclaredFeatures.fit(DECLARATION, store, rows[0])
        sizes = spec_sizes(features.spec)
        no_events = EventStore(CODED, table[:0])
        codes = DeclaredFeatures.fit(CODED, no_events, rows[0])
        small = np.array([one.size for one in codes.spec.request_categorical]) <= SMALL

        def window(part: DeclaredRows) -> Window:
            label = part.candidates[target].to_numpy().astype(np.float32)
            coded = codes.compute(no_events, part)["request_ids"][:, small]
            inputs = InputRows(sizes, features.compute(store, part), label)
            return Window(inputs, coded, part.requests["user"].to_numpy())

        return cls(*map(window, rows))
