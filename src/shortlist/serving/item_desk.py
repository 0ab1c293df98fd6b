"""Takes in items while the server runs: kept beside the release, embedded, inserted, and served from then on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortlist.core.clock import Clock
from shortlist.core.errors import InvalidRequest
from shortlist.features.added_items import AddedItems, NewItem
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue
from shortlist.serving.live_engine import LiveEngine
from shortlist.serving.schemas import ItemsAnswer

__all__ = ["ItemDesk", "check_new"]


class ItemDesk:
    """Adds items to what the live engine serves, and takes them out again.

    Args:
        items: where they are kept.
        live: the engine that serves.
        clock: says when an item was added.
    """

    def __init__(self, items: AddedItems, live: LiveEngine, clock: Clock) -> None:
        self._items, self._live, self._clock = items, live, clock

    def add(self, items: Sequence[NewItem]) -> ItemsAnswer:
        """Keep items and serve them. All of them or none; what was added before and comes again changes nothing.

        Raises:
            InvalidRequest: a key is taken, or there would be too many.
            ReleaseError: the engine cannot take them in; they are not kept then.
        """
        check_new(items, self._live.engine.catalogue.base)
        new = self._items.add(items, self._clock.now_us())
        try:
            engine = self._live.rebuild() if new else self._live.engine
        except BaseException:
            self._items.remove(new)
            raise
        return ItemsAnswer(added=len(new), beside_the_release=len(engine.catalogue.added))

    def remove(self, item: int) -> ItemsAnswer:
        """Take out an item that was added; a release's own are for the next release to leave out.

        Raises:
            NotFound: it was not added.
            ReleaseError: the engine cannot be built without it; the item is gone from the next start on.
        """
        self._items.remove([item])
        return ItemsAnswer(added=0, beside_the_release=len(self._live.rebuild().catalogue.added))


def check_new(items: Sequence[NewItem], released: Catalogue) -> None:
    """Refuse items that the release has.

    Raises:
        InvalidRequest: it names the first.
    """
    rows = released.rows(np.array([item.item for item in items], dtype=np.int64))
    known = np.flatnonzero(rows != UNKNOWN_ROW)
    if len(known):
        raise InvalidRequest(
            f"the release has an item {items[known[0]].item}",
            where=f"items[{known[0]}].item",
            fix="choose a key that is not taken; a release's own items change with the next release",
        )
