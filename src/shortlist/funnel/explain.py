"""A row a candidate: where it came from, what every stage made of it, and why it was or was not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, ROW, SLOT, Column
from shortlist.core.trace import CandidateTrace
from shortlist.funnel.recorder import DroppedRows

__all__ = ["explain", "values_of"]


def explain(scored: Candidates, shown: Candidates, dropped: Sequence[DroppedRows]) -> tuple[CandidateTrace, ...]:
    """What became of every candidate of one request: the shown in order, the others that were scored, the dropped."""
    shown_keys = set(shown.key.tolist())
    left = np.array([key not in shown_keys for key in scored.key.tolist()], dtype=bool)
    slots = shown[SLOT].tolist() if SLOT in shown else range(1, len(shown) + 1)
    rows = _rows(shown, slots=slots)
    rows += _rows(scored.keep(left) if len(scored) else scored)
    for part in dropped:
        rows += _rows(part.rows, by=part.by, reason=part.reason)
    return tuple(rows)


def values_of(candidates: Candidates, *, without: frozenset[Column[Any]] = frozenset()) -> list[dict[str, int | float]]:
    """The columns of each row by name, integers as integers; the vocabulary row stays inside, and so does NaN.

    Args:
        candidates: of one request.
        without: columns that are left out.
    """
    left_out = {ROW, *without}
    columns = {column.name: values.tolist() for column, values in candidates.columns.items() if column not in left_out}
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value == value}  # noqa: PLR0124 - NaN is not
        for row in (zip(*columns.values(), strict=True) if columns else ((),) * len(candidates))
    ]


def _rows(
    candidates: Candidates, *, slots: Sequence[int] | None = None, by: str = "", reason: str = ""
) -> list[CandidateTrace]:
    names, block = candidates.source_names, "sponsored" if CAMPAIGN in candidates else "organic"
    whole = zip(candidates.item.tolist(), candidates.source_rank.tolist(), values_of(candidates), strict=True)
    return [
        CandidateTrace(
            item=item,
            sources={name: rank + 1 for name, rank in zip(names, ranks, strict=True) if rank >= 0},
            values=values,
            block=block,
            slot=slots[n] if slots else 0,
            dropped_by=by,
            reason=reason,
        )
        for n, (item, ranks, values) in enumerate(whole)
    ]
