"""Lesson 2's sheet of new items: real items lose all their likes but the first few, and the sources are fitted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import NotFound
from shortlist.core.randomness import generator
from shortlist.core.request import Request, RequestBatch
from shortlist.core.stages import Source
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryStore
from shortlist.funnel.engine import Engine
from shortlist.learning.two_tower import TwoTowerRecipe
from shortlist.lessons.candidate_generation.new_item import CUTS, LIKES, Measured, NewItemSheet
from shortlist.retrieval.fit import fit_als, fit_item_neighbours, fit_two_tower
from shortlist.training.evaluate import HISTORY_FILE

__all__ = ["NewItems", "fitted", "make_new_items", "take_out"]

GROUP_AT_MOST = 16
"""New items for each number of likes."""
LEAST_LATER = 5
"""Later likes that a new item must have, where the log has such items."""
ASKED_AT_MOST = 12
"""Later likes asked for, an item."""
SHARE = 0.7
"""Of the log's events lie before the instant at which the models are frozen."""
EPOCHS = 2
"""Passes of both pairs of towers; more changed little here."""


@dataclass(frozen=True, slots=True, eq=False)
class NewItems:
    """A log without most of the likes of some items.

    Attributes:
        train: what may be learned from: events before the cut, of a new item its first likes only.
        likes: the numbers of likes that new items have.
        group: place in ``likes`` of each asked like, int64 ``(R,)``.
        item: the new item that was liked, int64 ``(R,)``.
        batch: a request at the instant of each such like, with what its user did before.
    """

    train: pl.DataFrame
    likes: tuple[int, ...]
    group: Int64
    item: Int64
    batch: RequestBatch


def make_new_items(engine: Engine, seed: int, progress: Callable[[str, int, int], None]) -> NewItemSheet:
    """Take likes out, fit the sources on the rest, and ask each for the later likes.

    Raises:
        NotFound: the log has too few items with likes before and after the cut.
    """
    new = take_out(pl.read_parquet(engine.release.folder / HISTORY_FILE), engine.catalogue, seed)
    found: dict[str, Float64] = {}
    sources = fitted(new, engine.catalogue, seed)
    for n, (name, fit) in enumerate(sources.items()):
        progress("lesson 2: new items", n, len(sources))
        found[name] = _place(fit(), new)
    progress("lesson 2: new items", len(sources), len(sources))
    return NewItemSheet(
        release=engine.release.version,
        seed=seed,
        likes=new.likes,
        measured=tuple(_measured(new, found, place, seed) for place in range(len(new.likes))),
        learned_from=int(new.train["positive"].sum()),
    )


def fitted(new: NewItems, catalogue: Catalogue, seed: int) -> dict[str, Callable[[], Source]]:
    """How each source is fitted, by its name: what the widget calls "content" are towers that met no new item."""
    limit, recipe = CUTS[-1], TwoTowerRecipe(epochs=EPOCHS)

    def content() -> Source:
        is_new = pl.col("item").is_in(np.unique(new.item).tolist())
        known = Catalogue(catalogue.table.filter(~is_new))
        towers = fit_two_tower(new.train.filter(~is_new), known, recipe=recipe, limit=limit, seed=seed)
        towers.add(known.extended(catalogue.table.filter(is_new)))
        return towers

    return {
        "item_neighbours": lambda: fit_item_neighbours(new.train, catalogue, limit=limit),
        "als": lambda: fit_als(new.train, catalogue, limit=limit, seed=seed),
        "two_tower": lambda: fit_two_tower(new.train, catalogue, recipe=recipe, limit=limit, seed=seed),
        "content": content,
    }


def take_out(interactions: pl.DataFrame, catalogue: Catalogue, seed: int) -> NewItems:
    """Choose new items and cut the log.

    Of the items with the most that a group needs before the cut and enough likes after it, those with the fewest likes
    are taken: what is left for the models to learn from is as large as may be, and the groups are alike. In order of
    their likes they are dealt to the groups in turn, each deal in an order of its own. Which of an item's likes are its
    first is the log's own order.

    Args:
        interactions: the whole log, schema ``INTERACTIONS``.
        catalogue: items that it does not know are not taken.
        seed: of the deals, and of the later likes asked for.

    Raises:
        NotFound: there are too few such items.
    """
    rng = generator(seed)
    at_us = interactions["at_us"].sort()
    cut = int(at_us[int(SHARE * len(at_us))])
    liked = interactions.filter(pl.col("positive")).sort(["at_us", "user", "item"])
    liked = liked.unique(["user", "item"], keep="first", maintain_order=True)
    liked = liked.filter(pl.Series(catalogue.rows(liked["item"].to_numpy()) > 0))
    before, after = liked.filter(pl.col("at_us") < cut), liked.filter(pl.col("at_us") >= cut)
    likes, chosen = _chosen(before, after)
    place = np.concatenate([rng.permutation(len(likes)) for _ in range(len(chosen) // len(likes))])
    kept = dict(zip(chosen.tolist(), np.array(likes)[place].tolist(), strict=True))
    group = dict(zip(chosen.tolist(), place.tolist(), strict=True))

    nth = pl.int_range(pl.len()).over("item")
    first = pl.col("item").replace_strict(kept, default=len(interactions), return_dtype=pl.Int64)
    extra = before.filter(nth >= first).select("user", "item")
    train = interactions.filter(pl.col("at_us") < cut).join(extra, on=["user", "item"], how="anti")

    asked = after.filter(pl.col("item").is_in(chosen.tolist()))
    asked = asked.filter(pl.int_range(pl.len()).shuffle(seed=seed).over("item") < ASKED_AT_MOST)
    users, instants = asked["user"].to_list(), asked["at_us"].to_list()
    batch = RequestBatch.of(
        *(
            Request(f"new-{n}", k=CUTS[-1], at_us=at, user=user)
            for n, (user, at) in enumerate(zip(users, instants, strict=True))
        )
    ).with_history(*HistoryStore(interactions).before(users, instants))
    item = asked["item"].to_numpy()
    return NewItems(train, likes, np.array([group[each] for each in item.tolist()]), item, batch)


def _chosen(before: pl.DataFrame, after: pl.DataFrame) -> tuple[tuple[int, ...], Int64]:
    """As many of ``LIKES`` as leave two items a group, and the items, in order of their likes."""
    counts = before.group_by("item").len("before").join(after.group_by("item").len("after"), on="item")
    counts = counts.sort(["before", "item"])
    for steps in range(len(LIKES), 1, -1):
        enough = counts.filter(pl.col("before") >= LIKES[steps - 1])
        for later in (LEAST_LATER, 1):
            items = enough.filter(pl.col("after") >= later)["item"].to_numpy()
            size = min(len(items) // steps, GROUP_AT_MOST)
            if size >= 2:
                return LIKES[:steps], items[: size * steps].astype(np.int64)
    raise NotFound("too few items have been liked often enough", where=HISTORY_FILE, fix="train on a longer log")


def _place(source: Source, new: NewItems) -> Float64:
    """The rank of each asked like in what a source found for it, from 0; infinity where it was not found."""
    found = source.retrieve(new.batch)
    place = np.full(len(new.item), np.inf)
    request = found.request_index
    hit = found.item == new.item[request]
    place[request[hit]] = found.source_rank[hit, 0]
    return place


def _measured(new: NewItems, found: dict[str, Float64], place: int, seed: int) -> Measured:
    mine = np.flatnonzero(new.group == place)
    intervals = {
        name: [
            clustered_interval((rank[mine] < cut).astype(np.float64), new.item[mine], rng=seed, draws=400)
            for cut in CUTS
        ]
        for name, rank in found.items()
    }
    return Measured(
        items=len(np.unique(new.item[mine])),
        held_out=len(mine),
        recall={name: tuple(each.estimate for each in held) for name, held in intervals.items()},
        low={name: tuple(each.low for each in held) for name, held in intervals.items()},
        high={name: tuple(each.high for each in held) for name, held in intervals.items()},
    )
