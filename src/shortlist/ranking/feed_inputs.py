"""The feed's computed features as a model's named inputs."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array
from shortlist.features.feed_features import FeatureRows
from shortlist.features.spec import FeatureSpec
from shortlist.ranking.input_sizes import IdList, InputSizes

__all__ = ["feed_inputs", "feed_sizes"]


def feed_sizes(spec: FeatureSpec) -> InputSizes:
    """Sizes of the inputs that ``feed_inputs`` gives."""
    return InputSizes(
        request_dense=len(spec.request),
        candidate_dense=len(spec.candidate),
        candidate_ids=tuple(feature.size for feature in spec.categorical),
        candidate_lists=tuple(IdList(length=feature.length, size=feature.size) for feature in spec.multi_valued),
    )


def feed_inputs(rows: FeatureRows) -> dict[str, Array]:
    """Inputs by name, as ``InputSizes`` names them."""
    return {
        "request_dense": rows.request,
        "request_index": rows.index,
        "candidate_dense": rows.candidate,
        "candidate_ids": np.ascontiguousarray(rows.row[:, None]),
        "candidate_list_0": rows.categories,
    }
