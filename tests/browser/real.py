"""A small release, trained for real, and ``shortlist serve`` over it in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import polars as pl
from tests.pages.world import DIM, NOW_US, catalogue_table

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.campaigns_file import read_campaigns
from shortlist.bidding.tables import open_market
from shortlist.datasets.dataset import INTERACTIONS, USERS, Dataset
from shortlist.releases.active import activate
from shortlist.simulation.market import simulate_market
from shortlist.training.ad_log import read_ad_log
from shortlist.training.release import train_release

N_USERS, EVENTS = 240, 40


def small_dataset(seed=5):
    """Users with hidden tastes; each came on one day of a year and rated what they had chosen to see."""
    rng = np.random.default_rng(seed)
    items = catalogue_table()
    tastes, traits = rng.normal(size=(N_USERS, DIM)), rng.normal(size=(len(items), DIM))
    appeal = tastes @ traits.T / np.sqrt(DIM)
    keys = items["item"].to_numpy()
    rows = []
    for user in range(N_USERS):
        chosen = np.argsort(-(1.5 * appeal[user] + rng.gumbel(size=len(items))))[:EVENTS]
        times = NOW_US - rng.integers(365) * 86_400_000_000 + np.arange(EVENTS) * 60_000_000
        liked = appeal[user, chosen] + rng.normal(scale=0.5, size=EVENTS) > 0.6
        rng.shuffle(chosen)
        rows += [
            (user + 1, int(keys[i]), int(at), 5.0 if like else 2.0, bool(like))
            for i, at, like in zip(chosen, times, liked, strict=True)
        ]
    users = range(1, N_USERS + 1)
    return Dataset(
        name="small",
        kind="ratings",
        items=items,
        users=pl.DataFrame({"user": users, "external_id": [str(user) for user in users]}, schema=USERS),
        interactions=pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us"),
        judgements=pl.DataFrame(schema={"query": pl.String, "item": pl.Int64, "grade": pl.Int32}),
        positive_means="rated 5",
        licence="made up for tests",
    )


def make_state(state):
    """A state folder with an active release, campaigns and their simulated log."""
    dataset = small_dataset()
    simulate_market(dataset, state, pages=5_000, rng=0)
    release = train_release(dataset, state / "releases", ads_log=read_ad_log(state / "ad_log.parquet"), seed=0)
    market = open_market(state / "market.sqlite")
    CampaignStore(market).create_many(read_campaigns(state / "campaigns.json"))
    market.dispose()
    activate(state / "releases", release.version)
    return state


@contextmanager
def served(state):
    """The address of ``shortlist serve`` over a state folder, with deadlines that a busy machine keeps, too."""
    settings = state / "shortlist.toml"
    wide = "deadline_ms = 10000.0\nsource_budget_ms = 10000.0\n"
    settings.write_text(f"[feed]\n{wide}[search]\n{wide}[auction]\ndeadline_ms = 10000.0\n")
    command = [sys.executable, "-m", "shortlist.cli.main", "serve", "--state", str(state), "--port", "0"]
    command += ["--settings", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}) as it:
        try:
            line = it.stdout.readline()
            assert "serving on" in line, line
            yield line.split()[-1]
        finally:
            it.terminate()
            it.stdout.read()
