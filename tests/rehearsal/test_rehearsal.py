"""A small rehearsal end to end: the order of things, what cannot leak, and gates that can be failed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import msgspec
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from shortlist.cli.rehearse import rehearse_command
from shortlist.rehearsal import rehearse as rehearsing
from shortlist.rehearsal.gates import gates
from shortlist.rehearsal.offline import ESTIMATES, write_log
from shortlist.rehearsal.online import EXPERIMENTS, experiment
from shortlist.rehearsal.plan import PlannedWorld, RehearsalPlan
from shortlist.rehearsal.rehearse import (
    ESTIMATES_FILE,
    EXPERIMENTS_FILE,
    PAGE_FILE,
    PLAN_FILE,
    REPORT_FILE,
    rehearse,
)
from shortlist.rehearsal.report import RehearsalReport, make_report
from shortlist.rehearsal.scores import AB, Figure
from shortlist.rehearsal.worlds import POSITION_BASED, world_named
from shortlist.simulation.log_shape import LogShape
from shortlist.training.list_log import read_list_log, read_policies
from shortlist.training.off_policy import CONTROLS, METHODS

SHAPE = LogShape.invent(base_rate=0.3, places=3, n_items=80)
PLAN = RehearsalPlan(
    worlds=(PlannedWorld("position-based", 2), PlannedWorld("cascade", 1), PlannedWorld("thin", 1)),
    pages=1_500,
    older_pages=400,
    objective_worlds=2,
    objective_pages=4_000,
    promotion_users=1_200,
    retraining_worlds=1,
    retraining_pages=600,
    generations=2,
    seed=5,
)


def run(folder, plan=PLAN):
    return rehearse(plan, SHAPE, folder, progress=lambda what, done, total: None)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rehearsal")
    return folder, run(folder)


def test_it_writes_what_it_says_and_the_hashes_are_those_of_the_files(rehearsed):
    folder, report = rehearsed
    for name, told in ((PLAN_FILE, report.plan_sha256), (ESTIMATES_FILE, report.estimates_sha256)):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == told
    assert report.estimates_unchanged
    assert msgspec.json.decode((folder / PLAN_FILE).read_bytes(), type=RehearsalPlan) == PLAN
    assert msgspec.json.decode((folder / REPORT_FILE).read_bytes(), type=RehearsalReport) == report
    assert json.loads((folder / REPORT_FILE).read_bytes())["simulated"] is True
    estimates, experiments = (pl.read_parquet(folder / name) for name in (ESTIMATES_FILE, EXPERIMENTS_FILE))
    assert dict(estimates.schema) == ESTIMATES
    assert dict(experiments.schema) == EXPERIMENTS
    assert len(experiments) == 4 * len(PLAN.challengers)
    assert set(estimates["method"]) == {*METHODS, *CONTROLS, "DR that never abstains"}
    assert estimates.filter(pl.col("lift").is_null() != (pl.col("abstains") != "")).is_empty()
    table = read_policies(folder / "logs" / "cascade" / "policies.parquet")
    assert len(read_list_log(folder / "logs" / "cascade" / "log.parquet", table)) == PLAN.pages


def test_the_report_judges_every_method_in_every_world(rehearsed):
    _, report = rehearsed
    judged = {(one.world, one.method) for one in report.scores}
    assert {(w.name, m) for w in PLAN.worlds for m in (*METHODS, *CONTROLS, AB)} <= judged
    assert len(report.gates) == 5
    thin = next(one for one in report.scores if (one.world, one.method) == ("thin", "DR"))
    assert thin.abstained > 20
    assert {one.name for one in report.challengers} == set(PLAN.challengers)


def test_the_page_stands_alone_and_says_that_it_is_simulated(rehearsed):
    folder, report = rehearsed
    page = (folder / PAGE_FILE).read_text()
    assert "everything on this page is simulated" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert page.count('role="img"') == 2
    assert report.estimates_sha256 in page
    for one in (*report.gates, *report.controls, *report.demonstrations.checks):
        assert one.asked in page


def test_truth_cannot_leak_into_the_estimates(rehearsed, tmp_path, monkeypatch):
    """With the logs as they are and another truth behind them, the estimates are the same bytes; what is true of the
    challengers is not."""
    folder, _ = rehearsed

    def with_another_truth(plan, shape, kind, number, where):
        honest = write_log(plan, shape, kind, number, where)
        w = honest.world
        return replace(honest, world=replace(w, attraction=1 - w.attraction, satisfaction=1 - w.satisfaction))

    monkeypatch.setattr(rehearsing, "write_log", with_another_truth)
    rounds = rehearsing._offline(PLAN, SHAPE, tmp_path, lambda what, done, total: None)
    assert (tmp_path / ESTIMATES_FILE).read_bytes() == (folder / ESTIMATES_FILE).read_bytes()
    ours = pl.read_parquet(folder / EXPERIMENTS_FILE).head(len(PLAN.challengers))
    theirs = experiment(PLAN, rounds[0], estimates_hash="")
    assert ours["policy"].equals(theirs["policy"])
    assert (ours["true_lift"] != theirs["true_lift"]).mean() > 0.9


def test_the_experiments_are_drawn_from_the_hash_of_the_estimates(tmp_path):
    plan = msgspec.structs.replace(PLAN, pages=300)
    one = write_log(plan, SHAPE, POSITION_BASED, 0, tmp_path)
    first, again, other = (experiment(plan, one, estimates_hash=text) for text in ("a", "a", "b"))
    assert first.equals(again)
    assert (first["ab_lift"] != other["ab_lift"]).all()
    assert first["true_lift"].equals(other["true_lift"])


def test_a_method_that_misleads_does_not_pass_the_gates(rehearsed):
    folder, report = rehearsed
    one = pl.col("world") == "position-based"
    tables = {
        "estimates": pl.read_parquet(folder / ESTIMATES_FILE).filter(one),
        "experiments": pl.read_parquet(folder / EXPERIMENTS_FILE).filter(one),
        "logs": pl.DataFrame(
            {"world": ["position-based"], "log": [0], "conversions_seen": [0.9], "true_conversions": [1.0]}
        ),
    }
    told = {
        "demonstrations": report.demonstrations,
        "plan_sha256": "",
        "estimates_sha256": "",
        "estimates_unchanged": True,
        "shape": (),
    }
    misled = make_report(msgspec.structs.replace(report.plan, gated="top-K on the old log"), **tables, **told)
    kept = {one.name: one.passed for one in misled.gates}
    assert not kept["coverage of 95% intervals"]
    assert not kept["error of lifts / standard error of the A/B"]
    assert not misled.passed


@pytest.mark.parametrize(("logs", "passes"), [(99, False), (100, True)])
def test_coverage_of_few_logs_is_no_pass(rehearsed, logs, passes):
    """The same figure with its 99% interval, of fewer logs than the bound: too few are refused, however wide it is."""
    _, report = rehearsed
    by = {(one.world, one.method): one for one in report.scores}
    ours, ceiling = (by[POSITION_BASED.name, method] for method in (PLAN.gated, AB))
    wide = msgspec.structs.replace(ours, logs=logs, coverage=Figure(0.95, 0.90, 1.0))
    told = gates(PLAN, {(POSITION_BASED.name, PLAN.gated): wide, (POSITION_BASED.name, AB): ceiling})
    coverage = next(one for one in told if one.name == "coverage of 95% intervals")
    assert coverage.passed is passes
    assert ("too few to judge by" in coverage.says) is not passes


def test_an_experiment_without_regret_asks_for_no_miracle(rehearsed):
    _, report = rehearsed
    by = {(one.world, one.method): one for one in report.scores}
    ours, ceiling = (by[POSITION_BASED.name, method] for method in (PLAN.gated, AB))
    perfect = msgspec.structs.replace(ceiling, regret=0.0)
    for regret, passes in ((0.0009, True), (0.0011, False)):
        tried = msgspec.structs.replace(ours, regret=regret)
        told = gates(PLAN, {(POSITION_BASED.name, PLAN.gated): tried, (POSITION_BASED.name, AB): perfect})
        assert next(one for one in told if one.name == "regret of choosing by it").passed is passes


def test_the_plans_are_large_enough():
    for plan, logs in ((RehearsalPlan.quick(0), 100), (RehearsalPlan.full(0), 400)):
        by = {one.name: one.logs for one in plan.worlds}
        assert by["position-based"] >= logs
        assert min(by["cascade"], by["dynamic"], by["trust bias"]) >= 20
        assert len(plan.challengers) >= 20
        assert [world_named(name).name for name in by] == list(by)


def test_the_command_prints_and_leaves_with_1_where_a_gate_fails(tmp_path, monkeypatch):
    few = (PlannedWorld("position-based", 1),)
    bounds = msgspec.structs.replace(PLAN.bounds, coverage=(1.1, 1.2))
    plan = msgspec.structs.replace(PLAN, worlds=few, pages=400, bounds=bounds)
    monkeypatch.setattr(RehearsalPlan, "quick", lambda seed: plan)
    app = typer.Typer()
    app.command()(rehearse_command)
    ran = CliRunner().invoke(app, ["--quick", "--out", str(tmp_path / "out")])
    assert ran.exit_code == 1, ran.output
    assert "SIMULATED: five gates for DR" in ran.output
    assert "NO" in ran.output
    assert (tmp_path / "out" / PAGE_FILE).exists()
