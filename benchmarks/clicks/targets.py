"""Both targets of the click benchmarks, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.report import Row
from shortlist.datasets.kuairand_impressions import load_impressions

__all__ = ["rows_of_targets"]

TARGETS = ("is_click", "long_view")


def rows_of_targets(of_target: Callable[[str, bool, int], list[Row]], quick: bool, seed: int) -> Sequence[Row]:
    """The rows of ``of_target(target, quick, seed)`` for each target, one after the other; clicks alone when quick.

    Raises:
        DatasetUnavailable: the impressions are not at hand; said before a process starts.
    """
    load_impressions()
    targets = TARGETS[:1] if quick else TARGETS
    with ProcessPoolExecutor(max_workers=len(targets), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(of_target, targets, [quick] * len(targets), [seed] * len(targets)))
    return [row for part in parts for row in part]
