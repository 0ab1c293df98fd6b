"""Lesson 1's figures, worked out from the funnel by a count by hand."""

from __future__ import annotations

from dataclasses import replace

from shortlist.core.columns import RANK_SCORE, RETRIEVAL_SCORE
from shortlist.core.request import RequestBatch
from shortlist.lessons.the_funnel.held_out import MERGED, held_out_requests
from shortlist.lessons.the_funnel.kept import LISTS


def by_hand(funnel, requests, positives, filled_by, kept, slots):
    """Recall of the list cut after ``kept``, of the page chosen from it, and of the page without a ranker."""
    sums = [0.0, 0.0, 0.0]
    for n, request in enumerate(requests):
        scored = funnel.run(RequestBatch.of(request), patient=True).scored
        if filled_by == MERGED:
            rows = sorted(range(len(scored)), key=lambda row: -scored[RETRIEVAL_SCORE][row])
        else:
            bit = scored.source_names.index(filled_by)
            rows = [row for row in range(len(scored)) if filled_by in scored.sources_of(row)]
            rows.sort(key=lambda row: scored.source_rank[row, bit])
        page = sorted(rows[:kept], key=lambda row: -scored[RANK_SCORE][row])[:slots]
        liked = set(positives[n].tolist())
        for part, chosen in enumerate((rows[:kept], page, rows[:slots])):
            sums[part] += sum(int(scored.item[row]) in liked for row in chosen) / len(liked)
    return [each / len(requests) for each in sums]


def _recall(part):
    def recomputed(engine, values):
        filled_by = tuple(LISTS)[values["list"]]
        funnel = engine.feed.funnel
        if values["reads"] and filled_by != MERGED:
            funnel = replace(funnel, sources=tuple(s for s in funnel.sources if s.component.name == filled_by))
        found = by_hand(funnel, *held_out_requests(engine), filled_by, values["n"], values["slots"])
        return f"{found[part]:.1%}"

    return recomputed


RECOMPUTED = {
    ("kept", "retrieved"): _recall(0),
    ("kept", "shown"): _recall(1),
    ("kept", "unranked"): _recall(2),
    ("budget", "p99"): lambda *_: None,
}
