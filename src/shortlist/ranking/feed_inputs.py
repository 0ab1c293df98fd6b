"""The feed's computed features as a model's named inputs."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array
from shortlist.features.feed_features import FeatureRows

__all__ = ["feed_inputs"]


def feed_inputs(rows: FeatureRows) -> dict[str, Array]:
    """Inputs by name, as the ``InputSizes`` of the features' spec name them."""
    return {
        "request_dense": rows.request,
        "request_index": rows.index,
        "candidate_dense": rows.candidate,
        "candidate_ids": np.ascontiguousarray(rows.row[:, None]),
        "candidate_list_0": rows.categories,
    }
