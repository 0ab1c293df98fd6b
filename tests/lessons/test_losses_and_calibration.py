"""Lesson 5: the page is the engine's own sale, the control is exact, and every figure moves with the function behind it."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from tests.pages.world import NOW_US, World

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.core.columns import CAMPAIGN, P_CLICK_1, PRICE
from shortlist.core.errors import NotFound
from shortlist.core.stages import Outcome
from shortlist.lessons.lesson import WIDGETS
from shortlist.lessons.losses_and_calibration import confidence as confidence_module
from shortlist.lessons.losses_and_calibration import swap as swap_module
from shortlist.lessons.losses_and_calibration.calibrators import FAULTS, KINDS, POWERS
from shortlist.lessons.losses_and_calibration.confidence import SIZES
from shortlist.lessons.losses_and_calibration.ranked_lists import ranked_lists
from shortlist.lessons.losses_and_calibration.sold_page import request_for, sell
from shortlist.lessons.losses_and_calibration.swap import edge_ratio
from shortlist.workbook.losses_and_calibration import calibrators as calibrators_workbook
from shortlist.workbook.losses_and_calibration import confidence as confidence_workbook
from shortlist.workbook.losses_and_calibration.confidence import sold_pages


@pytest.fixture(scope="module")
def engine(prepared):
    return prepared.engine


def view(engine, name, **values):
    widget = WIDGETS[name]
    return widget.view(engine, widget.read({f"{name}.{key}": str(value) for key, value in values.items()}))


@pytest.mark.oracle
def test_a_page_sold_by_the_calibrated_probabilities_is_the_page_that_the_funnel_serves(engine):
    for page in sold_pages(engine):
        shown = engine.search.sponsored.run(request_for(page.query, NOW_US), patient=True).shown
        sale = sell(engine, page, np.array(page.p_click_1))
        assert [page.campaign[n] for n in sale.ad] == shown[CAMPAIGN].tolist()
        assert [page.p_click_1[n] for n in sale.ad] == shown[P_CLICK_1].tolist()
        assert list(sale.price) == shown[PRICE].tolist()


@pytest.mark.parametrize("size", [30, 50, 100, 200])
def test_a_factor_on_all_probabilities_changes_no_winner_no_price_and_no_worth(engine, size):
    """The control, on the page and on the market; the calibration error notices every factor but 1."""
    shown = view(engine, "confidence", error=1, size=size)
    assert (shown.wrong.ad, shown.wrong.price) == (shown.right.ad, shown.right.price)
    assert (shown.effect.welfare, shown.effect.revenue, shown.effect.moved) == ((0.0,) * 3, (0.0,) * 3, 0.0)
    assert (shown.plain > 2 * shown.chance) == (size != 100)


def test_a_temperature_moves_prices_and_winners_and_costs_worth_and_the_area_stays(engine):
    """The intervals are the sheet's, 95% paired over auctions; that both exclude 0 by chance is below 1 in 1,000."""
    right, sharp, soft = (view(engine, "confidence", size=size) for size in (100, 50, 200))
    assert right.places == 0
    assert right.wrong == right.right
    assert sharp.wrong.price != sharp.right.price
    assert sharp.effect.welfare[2] < 0.0 > soft.effect.welfare[2]
    assert sharp.effect.revenue[2] < 0.0 < soft.effect.revenue[1]
    assert sharp.area == pytest.approx(right.area, abs=1e-4)
    for each in (sharp, soft):
        assert each.wrong.worth(each.page) <= each.right.worth(each.page)


def test_more_bins_raise_the_plain_error_of_a_calibrated_model_as_chance_says(engine):
    shown = [view(engine, "confidence", size=100, bins=bins) for bins in (5, 15, 50)]
    assert shown[0].plain < shown[1].plain < shown[2].plain
    assert all(each.plain < 2 * each.chance for each in shown)
    assert all(each.debiased < 2 * each.chance for each in shown)


class FirstPrice(GeneralizedSecondPrice):
    """Another auction: by bid alone, and everybody pays it."""

    def run(self, *, weight, bid, reserve, slot_effects):
        winner = np.argsort(-bid, kind="stable")[: len(slot_effects)]
        return Outcome(winner=winner, price=bid[winner])


def test_another_auction_sells_the_page_otherwise(engine, monkeypatch):
    before = view(engine, "confidence", size=50)
    monkeypatch.setattr(GeneralizedSecondPrice, "run", FirstPrice.run)
    after = view(engine, "confidence", size=50)
    assert after.wrong.price != before.wrong.price
    assert after.places == 0, "by bids alone, a probability moves nobody"


@pytest.mark.parametrize(
    ("function", "attribute"),
    [
        ("expected_calibration_error", "plain"),
        ("chance_calibration_error", "chance"),
        ("debiased_calibration_error", "debiased"),
        ("auc", "area"),
    ],
)
def test_the_calibration_figures_are_the_functions_of_evaluation(engine, monkeypatch, function, attribute):
    before = getattr(view(engine, "confidence"), attribute)
    real = getattr(confidence_module, function)
    monkeypatch.setattr(confidence_module, function, lambda *given, **named: 0.5 * real(*given, **named))
    assert getattr(view(engine, "confidence"), attribute) == pytest.approx(0.5 * before)


def test_the_market_of_the_sheet_is_sold_by_the_engines_auction(engine, monkeypatch):
    before = view(engine, "confidence", size=50).effect
    monkeypatch.setattr(GeneralizedSecondPrice, "run", FirstPrice.run)
    monkeypatch.setattr(confidence_workbook, "AUCTIONS", 50)
    made = confidence_workbook.make_confidence(engine, 0, lambda *_: None)
    after = made.effects["temperature"][SIZES.index(50)]
    assert before.moved > 0.5
    assert after.moved == 0.0


def test_the_fits_of_the_sheet_are_the_engines(engine, monkeypatch):
    """Platt's fitter gives way to one that fits nothing: its error becomes that of no calibrator."""
    fits = calibrators_workbook.FITS
    monkeypatch.setattr(calibrators_workbook, "DRAWS", (2,) * len(POWERS))
    monkeypatch.setattr(calibrators_workbook, "FAULTS", {"sharp": FAULTS["sharp"]})
    monkeypatch.setitem(fits, "platt", fits["none"])
    made = calibrators_workbook.make_calibrators(engine, 0, lambda *_: None).fitted["sharp"]
    assert [each.error for each in made["platt"]] == [each.error for each in made["none"]]
    assert view(engine, "calibrator", power=15).at("platt", fault="sharp").error < made["platt"][-1].error / 10


def test_each_fault_has_the_kind_that_mends_it(engine):
    most = {fault: view(engine, "calibrator", fault=n, power=15) for n, fault in enumerate(FAULTS)}
    assert most["none"].best == "none"
    assert most["sharp"].best in {"temperature", "platt", "beta"}
    assert most["thinned"].best in {"platt", "beta"}
    assert most["top"].best == "isotonic"
    assert most["thinned"].at("temperature").low > 0.9 * most["thinned"].at("none").error
    for fault, shown in most.items():
        assert shown.at("isotonic").error < shown.at("isotonic", POWERS[0]).error
        assert shown.at("histogram").values < shown.at("isotonic").values < shown.at("platt").values
        assert (shown.at("none").error == pytest.approx(0.0, abs=1e-6)) == (fault == "none")


def test_faults_keep_the_order(engine):
    for fault in FAULTS:
        said = calibrators_workbook.said_of(calibrators_workbook.TRAFFIC, fault)
        assert (np.diff(said) > 0).all()
    assert set(calibrators_workbook.FITS) == set(KINDS)


def test_swapping_two_that_are_alike_changes_nothing_and_others_what_a_swap_is_worth(engine):
    for number, ranked in enumerate(ranked_lists(engine), start=1):
        for other in range(2, 11):
            shown = view(engine, "swap", one=1, other=other, list=number)
            alike = ranked.liked[0] == ranked.liked[other - 1]
            assert (abs(shown.change) < 1e-12) == bool(alike)
            assert shown.pull == 0.0 if alike else shown.pull > 0.0
            a, b = shown.pair
            assert abs(shown.change) == pytest.approx(shown.after.swap[a, b], abs=1e-12)


def test_the_pushes_are_the_losses_gradients(engine, monkeypatch):
    before = view(engine, "swap")
    monkeypatch.setattr(swap_module, "lambda_gradient", lambda score, label, k=None: swap_module_gradient(score))
    monkeypatch.setattr(swap_module, "pairwise_logistic_gradient", lambda score, label: np.arange(10.0))
    monkeypatch.setattr(swap_module, "cross_entropy_gradient", lambda score, label: np.ones(10))
    after = view(engine, "swap")
    assert (before.after.ndcg, after.after.ndcg) == (before.after.ndcg, 0.25)
    assert after.pull == 0.5
    assert after.pairs.tolist() == list(range(10))
    assert after.share_at_top(after.rows) == pytest.approx(0.3)
    assert before.share_at_top(before.after.gradient) > before.share_at_top(before.rows)


def swap_module_gradient(score):
    n = len(score)
    return SimpleNamespace(ndcg=0.25, swap=np.ones((n, n)), disagreement=np.full((n, n), 0.5), gradient=np.ones(n))


def test_the_ends_ratio_is_that_of_the_discounts():
    assert edge_ratio() == pytest.approx((1 - 1 / np.log2(3)) / (1 / np.log2(10) - 1 / np.log2(11)))


def test_the_same_seed_makes_the_same_sheets(engine, monkeypatch):
    monkeypatch.setattr(calibrators_workbook, "DRAWS", (2,) * len(POWERS))
    monkeypatch.setattr(calibrators_workbook, "FAULTS", {"top": FAULTS["top"]})
    monkeypatch.setattr(confidence_workbook, "AUCTIONS", 20)
    for make in (calibrators_workbook.make_calibrators, confidence_workbook.make_confidence):
        first, second = (msgspec.json.encode(make(engine, 5, lambda *_: None)) for _ in range(2))
        assert first == second


def test_a_release_that_sells_no_ads_says_so(tmp_path):
    world = World(tmp_path).build()
    world.engine.search.sponsored = None
    with pytest.raises(NotFound, match="no model of ad clicks"):
        confidence_workbook.make_confidence(world.engine, 0, lambda *_: None)
