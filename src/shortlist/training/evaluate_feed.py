"""Judges the feed of a release on requests of the test window, stage by stage, beside baselines on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Bool, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import P_LIKE, P_LIKE_RAW, RANK_SCORE, RETRIEVAL_SCORE
from shortlist.core.errors import DataError
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval, ratio_interval
from shortlist.evaluation.calibration import debiased_calibration_interval
from shortlist.evaluation.metrics.auc import auc, grouped_auc
from shortlist.evaluation.metrics.log_loss import log_losses
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall
from shortlist.evaluation.reliability import reliability_table
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.filters import PreRankingFilter
from shortlist.ranking.feed_ranker import FeedRanker
from shortlist.releases.manifest import Probability
from shortlist.retrieval.item_neighbours import ItemNeighbourSource
from shortlist.retrieval.load import load_feed_sources
from shortlist.retrieval.popular import PopularSource
from shortlist.training.candidates import merged, shown_candidates
from shortlist.training.cold_start_report import ColdStartReport
from shortlist.training.examples import batches
from shortlist.training.plan import JUDGED_AT_MOST, FeedPlan
from shortlist.training.rates import RateBaselines
from shortlist.training.report import Figure, ProbabilityReport, Stage, figure
from shortlist.training.requests import LabelledRequests

__all__ = ["FeedJudgement", "judge_feed", "order_warnings"]

CUTS = (20, 50, 200)
POPULARITY, ITEM_KNN = "popularity baseline", "item-kNN baseline"
SAME = "same candidates by the"
MERGE, RANKED, UNCUT = "merge of all sources", "ranked feed", "all candidates ranked"
MINUS = "ranked minus "
CALIBRATION_ERROR = "ECE (RMS, debiased)"


@dataclass(frozen=True, slots=True, eq=False)
class FeedJudgement:
    """The feed's part of a report."""

    stages: tuple[Stage, ...]
    probability: ProbabilityReport
    requests: int
    users: int
    rows: int
    warnings: tuple[str, ...]


def judge_feed(
    folder: Path,
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    plan: FeedPlan,
    probability: Probability,
    *,
    progress: Callable[[str, int, int], None],
) -> FeedJudgement:
    """Run the test window's requests through the release's own components.

    The baselines are fitted on everything before the test window, which is more than the release's sources were
    fitted on, and see the same live histories.

    Args:
        folder: of the release.
        interactions: the whole log; a request sees what lies strictly before it.
        catalogue: the release's items.
        plan: of the release.
        probability: what ``p_like`` is.
        progress: told of the requests done.

    Raises:
        DataError: the test window holds no request.
    """
    split = plan.split
    requests = plan.requests(interactions, split.test, split.end, JUDGED_AT_MOST)
    if not len(requests) or not len(requests.liked.values):
        raise DataError("no request of the test window has an outcome", where="interactions", fix="bring a longer log")
    run = _run(folder, interactions, catalogue, plan, requests, progress)
    rates = RateBaselines.load(folder / "evaluation")
    ranking = _ranking_stage(run, requests, plan)
    return FeedJudgement(
        stages=(
            _retrieval_stage(run, requests, plan),
            ranking,
            _probability_stage(run, rates, plan),
            *run.cold_start.stages(requests, seed=plan.seed),
        ),
        probability=_reliability(run, probability),
        requests=len(requests),
        users=len(np.unique(requests.users)),
        rows=len(run.label),
        warnings=order_warnings(ranking),
    )


def order_warnings(ranking: Stage) -> tuple[str, ...]:
    """A sentence for each plainer order whose NDCG@10 is better than the ranked feed's beyond chance.

    Args:
        ranking: with the paired differences, "ranked minus ...".
    """
    return tuple(
        f"the ranker's order is worse than that of the {f.who.removeprefix(MINUS)}: ndcg@10 {f.value:+.4f} "
        f"[{f.low:.4f}, {f.high:.4f}]"
        for f in ranking.figures
        if f.who.removeprefix(MINUS) in (MERGE, POPULARITY, ITEM_KNN)
        and f.who.startswith(MINUS)
        and f.high is not None
        and f.high < 0.0
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Everything that was computed, request by request (``(R,)``) or judged row by row (``(N,)``)."""

    recalls: dict[str, dict[int, Float64]]
    ndcgs: dict[str, Float64]
    within: dict[str, Float64]
    scores: dict[str, Float64]
    raw: Float64
    calibrated: Float64
    label: Bool
    row: Int64
    user: Int64
    whose: Int64
    offsets: Int64
    cold_start: ColdStartReport


def _run(
    folder: Path,
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    plan: FeedPlan,
    requests: LabelledRequests,
    progress: Callable[[str, int, int], None],
) -> _Run:
    sources = load_feed_sources(folder / "retrieval", catalogue, limit=plan.limit)
    ranker = FeedRanker.load(folder / "ranking" / "feed", catalogue)
    pre_ranking = PreRankingFilter(plan.ranked_at_most)
    past = interactions.filter(pl.col("at_us") < plan.split.test)
    popular = PopularSource.fit(past, catalogue, limit=plan.limit)
    neighbours = ItemNeighbourSource.fit(past, catalogue, limit=len(catalogue))
    cold_start = ColdStartReport.of(interactions.filter(pl.col("at_us") < plan.split.calibration), catalogue)
    recalls: dict[str, dict[int, list[Float64]]] = {}
    ndcgs: dict[str, list[Float64]] = {}
    rows: dict[str, list[Array]] = {}
    done = 0

    for part in batches(requests):

        def keep(who: str, candidates: Candidates, score: Array, part: LabelledRequests = part) -> None:
            for k in CUTS:
                recalls.setdefault(who, {}).setdefault(k, []).append(_recall(candidates, score, part.liked, k))
            ndcgs.setdefault(who, []).append(_ndcg(candidates, score, part.liked))

        found = [source.retrieve(part.batch) for source in sources]
        near = neighbours.retrieve(part.batch)
        for who, candidates in (
            *((source.name, one) for source, one in zip(sources, found, strict=True)),
            (POPULARITY, popular.retrieve(part.batch)),
            (ITEM_KNN, near),
        ):
            keep(who, candidates, candidates.source_score[:, 0])
        served = merged(found, part.batch, catalogue)
        served = served.with_columns(ranker.score(part.batch, served))
        keep(MERGE, served, served[RETRIEVAL_SCORE])
        ranked = served.keep(pre_ranking.filter(part.batch, served).kept)
        keep(RANKED, ranked, ranked[RANK_SCORE])
        keep(UNCUT, served, served[RANK_SCORE])
        for source, one in zip(sources, found, strict=True):
            cold_start.keep(source.name, one, one.source_score[:, 0], part, ranked=False)
        cold_start.keep(MERGE, served, served[RETRIEVAL_SCORE], part, ranked=False)
        cold_start.keep(f"{RANKED}: ndcg@10", ranked, ranked[RANK_SCORE], part, ranked=True)
        judged = served
        if plan.kind == "impressions":
            judged = shown_candidates(sources, part.batch, part.shown, catalogue)
            judged = judged.with_columns(ranker.score(part.batch, judged))
        at = catalogue.rows(judged.item)
        values: dict[str, Array] = {
            POPULARITY: popular.popularity[at].astype(np.float64),
            ITEM_KNN: _looked_up(near, judged, len(catalogue), catalogue),
            MERGE: judged[RETRIEVAL_SCORE],
            RANKED: judged[RANK_SCORE],
            "raw": judged[P_LIKE_RAW],
            "calibrated": judged[P_LIKE],
            "label": part.liked.contains(judged.request_index, judged.item),
            "row": at,
            "user": part.users[judged.request_index],
            "lengths": np.diff(judged.request_offsets),
            "item": judged.item,
        }
        if plan.kind == "ratings":  # the same candidates in the baselines' order
            for who in (POPULARITY, ITEM_KNN):
                ndcgs.setdefault(f"{SAME} {who}", []).append(_ndcg(judged, values[who], part.liked))
        for name, value in values.items():
            rows.setdefault(name, []).append(value)
        done += len(part)
        progress("evaluation", done, len(requests))

    flat = {name: np.concatenate(parts) for name, parts in rows.items()}
    offsets = np.concatenate([[0], np.cumsum(flat["lengths"])]).astype(np.int64)
    scores = {who: flat[who] for who in (POPULARITY, ITEM_KNN, MERGE, RANKED)}
    return _Run(
        recalls={who: {k: np.concatenate(v) for k, v in by_cut.items()} for who, by_cut in recalls.items()},
        ndcgs={who: np.concatenate(v) for who, v in ndcgs.items()},
        within={who: grouped_auc(score, flat["label"], offsets) for who, score in scores.items()},
        scores=scores,
        raw=flat["raw"],
        calibrated=flat["calibrated"],
        label=flat["label"].astype(np.bool_),
        row=flat["row"],
        user=flat["user"],
        whose=requests.users,
        offsets=offsets,
        cold_start=cold_start,
    )


def _retrieval_stage(run: _Run, requests: LabelledRequests, plan: FeedPlan) -> Stage:
    lines: list[Figure] = []
    for who, by_cut in run.recalls.items():
        if who not in (RANKED, UNCUT):
            lines += [
                figure(who, f"recall@{k}", clustered_interval(value, requests.users, rng=plan.seed))
                for k, value in by_cut.items()
            ]
    for who in (POPULARITY, ITEM_KNN):
        lines += [
            figure(
                f"merge minus {who}",
                f"recall@{k}",
                paired_interval(run.recalls[MERGE][k], run.recalls[who][k], requests.users, rng=plan.seed),
            )
            for k in CUTS
        ]
    return Stage(
        title="retrieval",
        note="share of what the user then liked among the first k; baselines fitted on all before the test window"
        + _logger_bias(plan),
        figures=tuple(lines),
    )


def _ranking_stage(run: _Run, requests: LabelledRequests, plan: FeedPlan) -> Stage:
    lines = [
        figure(who, "ndcg@10", clustered_interval(value, requests.users, rng=plan.seed))
        for who, value in run.ndcgs.items()
    ]
    lines += [
        figure(
            f"{MINUS}{who}",
            "ndcg@10",
            paired_interval(run.ndcgs[RANKED], run.ndcgs[who], requests.users, rng=plan.seed),
        )
        for who in run.ndcgs
        if who in (MERGE, UNCUT, POPULARITY, ITEM_KNN) or who.startswith(SAME)
    ]
    for who, score in run.scores.items():
        lines.append(figure(who, "auc", auc(score, run.label)))
        within = run.within[who]
        if np.isfinite(within).any():
            lines.append(figure(who, "auc a request", clustered_interval(within, requests.users, rng=plan.seed)))
    return Stage(
        title="ranking",
        note=f"the whole funnel's order by rank score, before diversity, of the merge's first {plan.ranked_at_most}; "
        "auc over the rows that p_like is about" + _logger_bias(plan),
        figures=tuple(lines),
    )


def _probability_stage(run: _Run, rates: RateBaselines, plan: FeedPlan) -> Stage:
    y, user = run.label.astype(np.float64), run.user
    calibrated = "p_like"
    ours = log_losses(run.calibrated, y)
    named = (
        (calibrated, run.calibrated),
        ("p_like before calibration", run.raw),
        ("one rate for all", np.full(len(y), rates.constant)),
        ("a rate an item", rates.item[run.row]),
    )
    lines: list[Figure] = []
    for who, p in named:
        lines += [
            figure(who, "log-loss", clustered_interval(log_losses(p, y), user, rng=plan.seed)),
            figure(who, "predicted / observed", ratio_interval(p, y, user, rng=plan.seed)),
            figure(who, CALIBRATION_ERROR, debiased_calibration_interval(p, y, user, rng=plan.seed)),
        ]
    lines += [
        figure(f"p_like minus {who}", "log-loss", paired_interval(ours, log_losses(p, y), user, rng=plan.seed))
        for who, p in named[1:]
    ]
    return Stage(
        title="probability",
        note=f"over {len(y):,} rows of which {int(y.sum()):,} are positive; intervals by user",
        figures=tuple(lines),
    )


def _reliability(run: _Run, probability: Probability) -> ProbabilityReport:
    return ProbabilityReport(
        of=probability.of,
        negatives=probability.negatives,
        deciles=reliability_table(run.calibrated, run.label.astype(np.float64), cluster=run.user),
    )


def _logger_bias(plan: FeedPlan) -> str:
    if plan.kind == "ratings":
        return ""
    return (
        "; LOGGER-BIASED: only what the log's own policy showed can count as liked, so an order that agrees with "
        "that policy is favoured"
    )


def _recall(candidates: Candidates, score: Array, liked: Ragged, k: int) -> Float64:
    hit = liked.contains(candidates.request_index, candidates.item)
    return recall(score, hit, candidates.item, candidates.request_offsets, n_relevant=liked.lengths, k=k)


def _ndcg(candidates: Candidates, score: Array, liked: Ragged) -> Float64:
    grade = liked.contains(candidates.request_index, candidates.item).astype(np.int64)
    ideal = Ragged(np.ones(len(liked.values), dtype=np.int64), liked.offsets)
    return ndcg(score, grade, candidates.item, candidates.request_offsets, ideal=ideal, k=10)


def _looked_up(found: Candidates, wanted: Candidates, n_rows: int, catalogue: Catalogue) -> Float64:
    """The score that ``found`` has for each row of ``wanted``, 0 where it has none."""
    have = found.request_index * n_rows + catalogue.rows(found.item)
    want = wanted.request_index * n_rows + catalogue.rows(wanted.item)
    order = np.argsort(have)
    if not len(order):
        return np.zeros(len(want))
    at = order[np.minimum(np.searchsorted(have[order], want), len(order) - 1)]
    return np.where(have[at] == want, found.source_score[at, 0].astype(np.float64), 0.0)
