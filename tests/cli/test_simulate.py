"""``shortlist simulate`` writes a market that the trainer can read, and says that it is simulated."""

from __future__ import annotations

import typer
from tests.simulation.worlds import shop
from typer.testing import CliRunner

from shortlist.bidding.campaigns_file import read_campaigns
from shortlist.cli.simulate import simulate
from shortlist.training.ad_log import read_ad_log


def command():
    app = typer.Typer()
    app.command()(simulate)
    return app


def test_it_writes_campaigns_and_a_log_over_ones_own_items(tmp_path):
    (tmp_path / "own").mkdir()
    items = shop().items.select("external_id", "title", "categories").rename({"external_id": "item"})
    items.write_parquet(tmp_path / "own" / "items.parquet")
    state = tmp_path / "state"
    ran = CliRunner().invoke(
        command(), ["--data", str(tmp_path / "own"), "--state", str(state), "--pages", "500", "--seed", "3"]
    )
    assert ran.exit_code == 0, ran.output
    assert "simulated campaigns" in ran.output
    assert len(read_campaigns(state / "campaigns.json")) > 0
    assert read_ad_log(state / "ad_log.parquet")["request"].max() < 500
