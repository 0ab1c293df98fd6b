"""Judges a release: recomputed from the release's own files, so that a printed table can be checked by anybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from shortlist.datasets.dataset import JUDGEMENTS
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.features.catalogue import Catalogue
from shortlist.releases.manifest import Probability
from shortlist.releases.release import Release
from shortlist.retrieval.field_counts import FieldCounts
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance_tuning import cross_validate
from shortlist.training.evaluate_feed import judge_feed
from shortlist.training.per_user_split import judge_per_user_split
from shortlist.training.plan import FeedPlan
from shortlist.training.report import Report, Stage, figure, stored_report

__all__ = ["evaluate_folder", "evaluate_release"]

JUDGEMENTS_FILE = "evaluation/judgements.parquet"
HISTORY_FILE = "history.parquet"

_SEARCH_FIGURES = ("ndcg@10, judged items", "ndcg@10, catalogue", "recall@100")

Progress = Callable[[str, int, int], None]


def evaluate_release(release: Release, *, progress: Progress) -> Report:
    """Judge a release anew. The click model's figures are those of its training, whose log a release does not hold."""
    stored = stored_report(release)
    facts = release.manifest.facts
    report = evaluate_folder(
        release.folder,
        name=release.version,
        dataset=facts.dataset,
        p_like=facts.probabilities.get("p_like"),
        progress=progress,
    )
    return msgspec.structs.replace(report, ads=stored.ads)


def evaluate_folder(folder: Path, *, name: str, dataset: str, p_like: Probability | None, progress: Progress) -> Report:
    """Judge what a release's folder holds: its feed where it has users, its search where it has graded queries.

    Args:
        folder: of the release.
        name: its version.
        dataset: what it was trained on.
        p_like: what the feed's probability is; None where there is no feed.
        progress: told what is going on.
    """
    catalogue = Catalogue.load(folder / "catalogue.parquet")
    search = _search_stage(folder, catalogue)
    if p_like is None:
        return Report(release=name, dataset=dataset, split=None, requests=0, users=0, rows=0, stages=search)
    plan = FeedPlan.load(folder / "evaluation")
    interactions = pl.read_parquet(folder / HISTORY_FILE)
    feed = judge_feed(folder, interactions, catalogue, plan, p_like, progress=progress)
    leaky = judge_per_user_split(interactions, catalogue, seed=plan.seed)
    return Report(
        release=name,
        dataset=dataset,
        split=plan.split,
        requests=feed.requests,
        users=feed.users,
        rows=feed.rows,
        stages=(*feed.stages, leaky, *search),
        probability=feed.probability,
        warnings=feed.warnings,
        # A log of impressions favours its own policy's order, so its figures condemn nobody.
        fit_to_serve=plan.kind == "impressions" or not feed.warnings,
    )


def _search_stage(folder: Path, catalogue: Catalogue) -> tuple[Stage, ...]:
    path = folder / JUDGEMENTS_FILE
    if not path.is_file():
        return ()
    judgements = pl.read_parquet(path).select(list(JUDGEMENTS))
    tower = QueryTowerSource.load(folder / "retrieval" / QueryTowerSource.name, catalogue)
    check = cross_validate(catalogue, FieldCounts.of(catalogue), tower, judgements)
    query = np.arange(len(check.queries))
    return (
        Stage(
            title="search",
            note=f"{len(query)} graded queries, each scored with weights tuned on the others (five folds); "
            "'catalogue' counts items that nobody graded as irrelevant, 'recall' those of the upper half of the grades",
            figures=tuple(
                figure(who, what, clustered_interval(value, query, rng=0))
                for who, values in (("organic search", check.relevance), ("words alone", check.lexical))
                for what, value in zip(_SEARCH_FIGURES, values, strict=True)
            ),
        ),
    )
