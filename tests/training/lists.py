"""A simulated log of lists in two files, with policies to be judged on it."""

from __future__ import annotations

import numpy as np
from tests.simulation.worlds import FEED_READERS, small_feed

from shortlist.simulation.feed_driver import feed_log
from shortlist.training.list_log import PolicyTable, policy_frame

PLACES = 3


def write_lists(folder, *, n=4_000, temperature=0.6, readers=FEED_READERS[0], rng=0, world=None):
    """Write ``log.parquet`` and ``policies.parquet``; the world and the policies."""
    w = world or small_feed(readers)
    f = (w.features - w.features.mean(axis=(0, 1))) / w.features.std(axis=(0, 1))
    weights = {
        "control": [0.1, 0.4, 0.4, 0.1, -0.2],
        "more quality": [0.1, 0.4, 0.6, 0.1, -0.2],
        "thumbnails": [0.0, 0.0, 0.0, 1.0, 0.0],
        "worst first": [-0.1, -0.4, -0.4, -0.1, 0.2],
    }
    score = np.stack([f @ np.array(w) for w in weights.values()])
    table = PolicyTable(tuple(weights), np.full(len(weights), temperature), w.item, score)
    folder.mkdir(parents=True, exist_ok=True)
    feed_log(w, table.policy(0, PLACES), n, rng=rng).write_parquet(folder / "log.parquet")
    policy_frame(table).write_parquet(folder / "policies.parquet")
    return w, table
