"""A ranker's named inputs as the one matrix that boosted trees read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shortlist.core.arrays import Array, Float32
from shortlist.ranking.input_sizes import InputSizes

__all__ = ["gbdt_columns", "gbdt_matrix"]

_ONE_COLUMN_EACH = 64
"""Ids of a list up to which each has a column; trees cannot use longer vocabularies that way."""


def gbdt_columns(sizes: InputSizes) -> tuple[str, ...]:
    """Names of the matrix's columns: the numbers, then a column for each id that a short list may hold.

    Ids of many values are left out: what trees can use of them are their counts and target statistics, which are
    numbers.
    """
    names = [f"request_dense_{k}" for k in range(sizes.request_dense)]
    names += [f"candidate_dense_{k}" for k in range(sizes.candidate_dense)]
    for k, one in enumerate(sizes.candidate_lists):
        if one.size <= _ONE_COLUMN_EACH:
            names += [f"candidate_list_{k}_{number}" for number in range(1, one.size)]
    return tuple(names)


def gbdt_matrix(sizes: InputSizes, inputs: Mapping[str, Array]) -> Float32:
    """Float32 ``(N, F)`` with the columns of ``gbdt_columns``."""
    n = len(inputs[sizes.candidate_names[0]])
    parts: list[Array] = []
    if sizes.request_dense:
        parts.append(inputs["request_dense"][inputs["request_index"]])
    if sizes.candidate_dense:
        parts.append(inputs["candidate_dense"])
    for k, one in enumerate(sizes.candidate_lists):
        if one.size <= _ONE_COLUMN_EACH:
            held = np.zeros((n, one.size), dtype=np.float32)
            np.put_along_axis(held, inputs[f"candidate_list_{k}"], 1.0, axis=1)
            parts.append(held[:, 1:])
    return np.concatenate(parts, axis=1, dtype=np.float32)
