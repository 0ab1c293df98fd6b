"""``train_release``: from a data set to a release, whatever the data set holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from shortlist.core.settings import FeedSettings
from shortlist.datasets.dataset import INTERACTIONS, Dataset
from shortlist.datasets.fetch import silent
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.feed import feed_policy
from shortlist.releases.manifest import Probability, ReleaseFacts, SourceFact
from shortlist.releases.release import Release
from shortlist.releases.writer import ReleaseWriter
from shortlist.retrieval.fit import fit_all
from shortlist.training.ads import AdReport, train_ad_model
from shortlist.training.evaluate import HISTORY_FILE, JUDGEMENTS_FILE, evaluate_folder
from shortlist.training.feed import FeedFit, fit_feed
from shortlist.training.plan import JUDGED_AT_MOST, FeedPlan
from shortlist.training.report import EVALUATION_FILE

__all__ = ["new_version", "train_release"]

HELD_OUT_FILE = "lessons/funnel_requests.parquet"
_HELD_OUT_AT_MOST = 400

Progress = Callable[[str, int, int], None]


def train_release(
    dataset: Dataset,
    releases: Path,
    *,
    version: str | None = None,
    ads_log: pl.DataFrame | None = None,
    settings: FeedSettings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Release:
    """Fit everything that a data set supports, judge it on the latest part of the log, and write one release.

    A data set without users gets search alone. What is released is what was judged: nothing is refitted afterwards
    on the test window. Users' histories go along whole, for a server reads them live.

    Args:
        dataset: from ``datasets.load``, or the caller's own.
        releases: folder of releases.
        version: the new release's name; the instant in UTC where it is not given.
        ads_log: impressions of advertisements, schema ``AD_LOG``; without them the release sells no slots.
        settings: those that the feed will be served with; the defaults where they are not given.
        seed: of everything that draws.
        progress: told what is going on, steps done and steps in all.

    Returns:
        The release, not yet active.

    Raises:
        DataError: the data is too little or of one kind only.
        ReleaseError: a release of that name exists.
    """
    told: Progress = progress or silent
    name, settings = version or new_version(), settings or FeedSettings()
    catalogue = Catalogue(dataset.items)
    with ReleaseWriter(releases, name) as writer:
        folder = writer.folder
        catalogue.save(folder / "catalogue.parquet")
        _write_history(dataset, folder)
        if len(dataset.judgements):
            (folder / JUDGEMENTS_FILE).parent.mkdir(parents=True)
            dataset.judgements.write_parquet(folder / JUDGEMENTS_FILE)
        probabilities: dict[str, Probability] = {}
        rates: dict[str, float] = {}
        feed: FeedFit | None = None
        if dataset.kind == "catalogue":
            sources = fit_all(dataset, dataset.interactions, catalogue, folder / "retrieval", seed=seed, progress=told)
        else:
            plan = FeedPlan.of(dataset, settings, seed=seed)
            plan.save(folder / "evaluation")
            feed = fit_feed(dataset, catalogue, folder, plan, progress=told)
            sources = feed.sources
            probabilities["p_like"] = plan.probability(dataset.positive_means)
            rates["ranker negatives"] = plan.negative_rate
            _write_held_out(dataset, plan, folder)
        slot_effects: tuple[float, ...] = ()
        ads: AdReport | None = None
        if ads_log is not None:
            told("ad click model", 0, 1)
            trained = train_ad_model(ads_log, catalogue, rng=seed)
            trained.scorer.save(folder / "ads")
            ads, slot_effects = trained.report, tuple(float(a) for a in trained.scorer.slot_effects)
            probabilities["p_click_1"] = _p_click_1(simulated=ads.simulated)
            told("ad click model", 1, 1)
        report = evaluate_folder(
            folder, name=name, dataset=dataset.name, p_like=probabilities.get("p_like"), progress=told
        )
        report = msgspec.structs.replace(report, ads=ads)
        (folder / EVALUATION_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(report)))
        return writer.finish(
            ReleaseFacts(
                dataset=dataset.name,
                licence=dataset.licence,
                policy=feed_policy(settings),
                probabilities=probabilities,
                slot_effects=slot_effects,
                sampling_rates=rates,
                features_hash=feed.features_hash if feed is not None else "",
                sources={fact.source: SourceFact(note=fact.note, seconds=fact.seconds) for fact in sources},
                ranker=feed.ranker if feed is not None else None,
                metrics=report.metrics(),
            )
        )


def new_version() -> str:
    """A name that sorts by time: the instant in UTC, to the second."""
    return dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")


def _p_click_1(*, simulated: bool) -> Probability:
    return Probability(
        of="P(click | the ad is shown at slot 1 of the sponsored block)",
        negatives="impressions of the log that were not clicked, each at the slot where it was shown; none left out",
        simulated=simulated,
    )


def _write_history(dataset: Dataset, folder: Path) -> None:
    dataset.interactions.select(list(INTERACTIONS)).sort(["user", "at_us", "item"]).write_parquet(folder / HISTORY_FILE)


def _write_held_out(dataset: Dataset, plan: FeedPlan, folder: Path) -> None:
    """Requests of the test window with what their users then liked, for whoever shows the funnel at work."""
    requests = plan.requests(dataset.interactions, plan.split.test, plan.split.end, JUDGED_AT_MOST)
    liked = [requests.liked[n] for n in range(len(requests))]
    chosen = [n for n, items in enumerate(liked) if len(items)]
    step = max(1, len(chosen) // _HELD_OUT_AT_MOST)
    chosen = chosen[::step][:_HELD_OUT_AT_MOST]
    table = pl.DataFrame(
        {
            "user": [requests.batch.requests[n].user for n in chosen],
            "at_us": [requests.batch.requests[n].at_us for n in chosen],
            "positives": [liked[n].tolist() for n in chosen],
        },
        schema={"user": pl.Int64(), "at_us": pl.Int64(), "positives": pl.List(pl.Int64())},
    )
    (folder / HELD_OUT_FILE).parent.mkdir(parents=True)
    table.write_parquet(folder / HELD_OUT_FILE)
