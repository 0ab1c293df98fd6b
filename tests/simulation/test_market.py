"""The simulated market, and what can be learned from its log alone."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.simulation.worlds import shop

from shortlist.bidding.campaigns_file import read_campaigns
from shortlist.core.errors import DataError
from shortlist.features.catalogue import Catalogue
from shortlist.simulation.advertisers import simulated_campaigns
from shortlist.simulation.market import CAMPAIGNS_FILE, LOG_FILE, simulate_market
from shortlist.training.ad_log import AD_LOG, read_ad_log
from shortlist.training.ads import train_ad_model


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    return simulate_market(shop(), folder, pages=20_000, rng=1), folder


@pytest.fixture(scope="module")
def training(market):
    return train_ad_model(market[0].log, Catalogue(shop().items))


def test_what_crosses_over_is_a_log_and_campaigns_all_called_simulated(market):
    made, folder = market
    assert sorted(path.name for path in folder.iterdir()) == [LOG_FILE, CAMPAIGNS_FILE]
    log = read_ad_log(folder / LOG_FILE)
    assert dict(log.schema) == AD_LOG
    assert log["simulated"].all()
    campaigns = read_campaigns(folder / CAMPAIGNS_FILE)
    assert campaigns == made.campaigns
    assert all(campaign.simulated and "(simulated)" in campaign.name for campaign in campaigns)


def test_the_same_seed_writes_the_same_files_and_another_does_not(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate_market(shop(), tmp_path / name, pages=300, rng=seed)
    read = {name: (tmp_path / name / LOG_FILE).read_bytes() for name in "abc"}
    assert read["a"] == read["b"] != read["c"]
    assert (tmp_path / "a" / CAMPAIGNS_FILE).read_bytes() == (tmp_path / "b" / CAMPAIGNS_FILE).read_bytes()


def test_pages_are_auctions_one_ad_a_campaign_prices_between_reserve_and_bid(market):
    log = market[0].log
    assert (log["price"] <= log["bid"]).all()
    assert (log["price"] >= 50_000).all()
    assert not log.select("request", "campaign").is_duplicated().any()
    slots = log.group_by("request").agg(pl.col("slot").sort(), n=pl.len())
    assert all(page["slot"] == list(range(1, page["n"] + 1)) for page in slots.iter_rows(named=True))


@pytest.mark.statistical
def test_the_logged_propensities_are_those_of_the_draws(market):
    """The mean of 1/propensity, page by page the inverse chance of its list, estimates the number of possible orders.

    For pages of n ads, E[1 / P(list)] = n!. The mean over the pages lies within five standard errors of that but for
    about once in a million seeds.
    """
    log = market[0].log
    assert log["selection_propensity"].is_between(0.0, 1.0).all()
    lists = log.group_by("request").agg(pl.col("selection_propensity").product().alias("p"), n=pl.len())
    for n, orders in ((1, 1), (2, 2), (3, 6), (4, 24)):
        inverse = 1.0 / lists.filter(pl.col("n") == n)["p"].to_numpy()
        if len(inverse) > 100:
            error = inverse.std() / np.sqrt(len(inverse))
            assert abs(inverse.mean() - orders) <= 5 * error + 1e-9


def test_brands_advertise_their_own_items_where_there_are_brands():
    dataset = shop(brands=True)
    brand = dict(dataset.items.select("item", "brand").rows())
    for campaign in simulated_campaigns(dataset, n_campaigns=16, rng=0):
        assert {brand[creative.item] for creative in campaign.creatives} == {campaign.name[: len("maker 0")]}
        assert "supplier" in campaign.name


@pytest.mark.statistical
def test_the_slot_effects_are_learned_from_the_log(market, training):
    """Truth 1, .62, .42, .30. Over 12 other seeds the estimates' standard deviations are at most .024; the tolerance is
    five of them, which a fresh seed exceeds less than once in 100,000."""
    truth = market[0].truth.slot_effects
    np.testing.assert_allclose(training.report.slot_effects, truth[: len(training.report.slot_effects)], atol=0.12)


@pytest.mark.statistical
def test_the_model_is_calibrated_and_beats_a_constant_and_the_items_own_rate(training):
    """Over 12 other seeds predicted over observed is 1.002 with a standard deviation of .019, so 0.9 to 1.1 is five of
    them; the lower end of the gain over the item rate was at least .016. A fresh seed fails less than once in 10,000.
    """
    report = training.report
    assert 0.9 < report.predicted_over_observed.estimate < 1.1
    assert report.drift.first_alarm is None
    assert sum(day.n for day in report.drift.windows) == report.n_test
    assert report.gain_of_fields.low > -1e-4  # what shifts cost where the model has none to mend
    assert report.gain_over_constant.low > 0
    assert report.gain_over_item_rate.low > 0
    assert [row.n for row in report.slots] == sorted((row.n for row in report.slots), reverse=True)
    assert sum(row.n for row in report.deciles) == sum(row.n for row in report.slots) == report.n_test
    assert report.simulated


def test_the_report_is_json_and_its_metrics_are_numbers(training):
    assert msgspec.json.decode(msgspec.json.encode(training.report))["n_test"] == training.report.n_test
    assert all(isinstance(value, float) for value in training.report.metrics().values())


def test_what_is_learned_depends_on_the_log_alone(market, training):
    """Trained again from the file, in a process in which the simulator cannot be imported: the same model."""
    _, folder = market
    code = (
        "import sys\n"
        "sys.modules['shortlist.simulation'] = None\n"
        "from pathlib import Path\n"
        "from shortlist.features.catalogue import Catalogue\n"
        "from shortlist.training.ad_log import read_ad_log\n"
        "from shortlist.training.ads import train_ad_model\n"
        "folder = Path(sys.argv[1])\n"
        f"log = read_ad_log(folder / {LOG_FILE!r})\n"
        "train_ad_model(log, Catalogue.load(folder / 'items.parquet')).scorer.save(folder / 'apart')\n"
    )
    Catalogue(shop().items).save(folder / "items.parquet")
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    training.scorer.save(folder / "here")
    for name in ("ad_click.json", "past_rates.safetensors"):
        assert (folder / "apart" / name).read_bytes() == (folder / "here" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda log: log.drop("slot"), "column 'slot' is missing"),
        (lambda log: log.with_columns(slot=pl.lit("first")), "column 'slot' is String"),
        (lambda log: log.with_columns(slot=pl.lit(0)), "below 1 at row 0"),
        (lambda log: log.with_columns(click=pl.lit(None, dtype=pl.Boolean)), "null at row 0"),
        (lambda log: log.with_columns(click=pl.lit(False)), "0 clicks"),
        (lambda log: log.clear(), "no rows"),
    ],
)
def test_a_log_that_is_not_as_the_schema_says_is_refused(market, change, says):
    with pytest.raises(DataError, match=says):
        train_ad_model(change(market[0].log), Catalogue(shop().items))
