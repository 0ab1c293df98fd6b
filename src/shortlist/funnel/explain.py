"""A row a candidate: where it came from, what every stage made of it, and why it was or was not shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, ROW, SLOT
from shortlist.core.trace import CandidateTrace
from shortlist.funnel.recorder import DroppedRows

__all__ = ["explain", "values_of"]


def explain(scored: Candidates, shown: Candidates, dropped: Sequence[DroppedRows]) -> tuple[CandidateTrace, ...]:
    """What became of every candidate of one request: the shown in order, the others that were scored, the dropped."""
    shown_keys = set(shown.key.tolist())
    left = np.array([key not in shown_keys for key in scored.key.tolist()], dtype=bool)
    rows = [_row(shown, n, slot=int(shown[SLOT][n]) if SLOT in shown else n + 1) for n in range(len(shown))]
    others = scored.keep(left) if len(scored) else scored
    rows += [_row(others, n) for n in range(len(others))]
    rows += [_row(part.rows, n, by=part.by, reason=part.reason) for part in dropped for n in range(len(part.rows))]
    return tuple(rows)


def values_of(candidates: Candidates, row: int) -> dict[str, int | float]:
    """The columns of one row by name, integers as integers; the vocabulary row stays inside."""
    return {
        column.name: values[row].item()
        for column, values in candidates.columns.items()
        if column is not ROW and not np.isnan(values[row])
    }


def _row(candidates: Candidates, row: int, *, slot: int = 0, by: str = "", reason: str = "") -> CandidateTrace:
    ranks = candidates.source_rank[row]
    return CandidateTrace(
        item=int(candidates.item[row]),
        sources={name: int(ranks[s]) + 1 for s, name in enumerate(candidates.source_names) if ranks[s] >= 0},
        values=values_of(candidates, row),
        block="sponsored" if CAMPAIGN in candidates else "organic",
        slot=slot,
        dropped_by=by,
        reason=reason,
    )
