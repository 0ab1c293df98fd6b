"""The rehearsal from end to end: preregister, estimate, hash, experiment, score.

plan.json            what is fixed, hashed
logs/<world>/        the first log of each world, with its policies: what ``shortlist off-policy`` reads
logs/promotion/      the log of a promotion: what ``shortlist uplift`` reads
estimates.parquet    written and hashed before any experiment
experiments.parquet  simulated, with seeds made of that hash, beside the true lifts
report.json, report.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from shortlist.core.errors import ShortlistError
from shortlist.rehearsal.demonstrations import demonstrate
from shortlist.rehearsal.offline import Round, estimates, write_log
from shortlist.rehearsal.online import experiment, log_truth
from shortlist.rehearsal.page import report_page
from shortlist.rehearsal.plan import RehearsalPlan, sha256
from shortlist.rehearsal.report import RehearsalReport, make_report
from shortlist.rehearsal.worlds import world_named
from shortlist.simulation.log_shape import LogShape

__all__ = ["ESTIMATES_FILE", "EXPERIMENTS_FILE", "PAGE_FILE", "PLAN_FILE", "REPORT_FILE", "rehearse"]

PLAN_FILE, REPORT_FILE, PAGE_FILE = "plan.json", "report.json", "report.html"
ESTIMATES_FILE, EXPERIMENTS_FILE = "estimates.parquet", "experiments.parquet"

Progress = Callable[[str, int, int], None]


def rehearse(plan: RehearsalPlan, shape: LogShape, folder: Path, *, progress: Progress) -> RehearsalReport:
    """Run it and write its files.

    Args:
        plan: what is fixed.
        shape: what the worlds are drawn to.
        folder: receives the files; those of an earlier rehearsal are overwritten.
        progress: of the two halves.

    Raises:
        ShortlistError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plan_hash = _write(folder / PLAN_FILE, msgspec.json.format(msgspec.json.encode(plan), indent=2))
        rounds = _offline(plan, shape, folder, progress)
        estimates_hash = sha256((folder / ESTIMATES_FILE).read_bytes())
        found, logs = [], []
        for number, one in enumerate(rounds):
            found.append(experiment(plan, one, estimates_hash=estimates_hash))
            logs.append(log_truth(one))
            progress("simulated experiments", number + 1, len(rounds))
        shown = demonstrate(plan, shape, folder / "logs", progress)
        experiments = pl.concat(found)
        experiments.write_parquet(folder / EXPERIMENTS_FILE)
        report = make_report(
            plan,
            estimates=pl.read_parquet(folder / ESTIMATES_FILE),
            experiments=experiments,
            logs=pl.concat(logs),
            demonstrations=shown,
            plan_sha256=plan_hash,
            estimates_sha256=estimates_hash,
            estimates_unchanged=sha256((folder / ESTIMATES_FILE).read_bytes()) == estimates_hash,
            shape=(*(f"fitted to {shape.source}: {what}" for what in shape.fitted), *shape.invented),
        )
        _write(folder / REPORT_FILE, msgspec.json.format(msgspec.json.encode(report), indent=2))
        _write(folder / PAGE_FILE, report_page(report, pl.read_parquet(folder / ESTIMATES_FILE), experiments).encode())
    except OSError as error:
        raise ShortlistError(str(error), where=str(folder), fix="give a folder that can be written") from None
    return report


def _offline(plan: RehearsalPlan, shape: LogShape, folder: Path, progress: Progress) -> list[Round]:
    """All logs and all estimates; nothing is compared with anything yet."""
    rounds, frames = [], []
    every = [(world_named(one.name), number) for one in plan.worlds for number in range(one.logs)]
    with tempfile.TemporaryDirectory() as scratch:
        for done, (kind, number) in enumerate(every):
            where = folder / "logs" / kind.name.replace(" ", "-") if number == 0 else Path(scratch)
            rounds.append(write_log(plan, shape, kind, number, where))
            frames.append(estimates(plan, kind.name, number, where))
            progress("offline estimates", done + 1, len(every))
    pl.concat(frames).write_parquet(folder / ESTIMATES_FILE)
    return rounds


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return sha256(content)
