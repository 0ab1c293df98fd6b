"""Lesson 5's figures by hand: a sale sorted and priced in plain Python, clicks binned one by one, maps fitted anew."""

from __future__ import annotations

from math import ceil, exp, log, log2, pi, sqrt

import numpy as np

from shortlist.core.clock import SystemClock
from shortlist.core.columns import BID, CAMPAIGN, P_CLICK_1, RESERVE
from shortlist.core.request import Request, RequestBatch
from shortlist.lessons.losses_and_calibration.calibrators import FAULTS, KINDS
from shortlist.lessons.losses_and_calibration.confidence import ConfidenceSheet
from shortlist.lessons.losses_and_calibration.ranked_lists import ranked_lists
from shortlist.lessons.sheets import SheetReader
from shortlist.simulation.confidence import ConfidenceMarket
from shortlist.workbook.losses_and_calibration import calibrators as workbook
from shortlist.workbook.losses_and_calibration.confidence import ADVERTISERS, AUCTIONS, DRAWN


def sigmoid(z):
    return 1 / (1 + exp(-z))


def wrong(p, values):
    """What the distorted model says where a calibrated one says p."""
    size = values["size"] / 100
    return sigmoid(log(p / (1 - p)) / size) if values["error"] == 0 else p * size


# The page: asked for anew from the engine's funnel, then sold by hand.


def ads_of(engine, values):
    """Of each ad of the page: campaign, p, bid, reserve; the slot effects stand beside."""
    sheet = SheetReader(ConfidenceSheet)(engine)
    query = sheet.pages[(values["page"] - 1) % len(sheet.pages)].query
    request = Request("by hand", k=10, at_us=SystemClock().now_us(), query=query, sponsored_slots=4)
    run = engine.search.sponsored.run(RequestBatch.of(request), patient=True)
    columns = (run.scored[column].tolist() for column in (CAMPAIGN, P_CLICK_1, BID, RESERVE))
    return list(zip(*columns, strict=True)), len(run.shown)


def sold(ads, slots, said):
    """The ad in each slot and its price: a campaign's best ad each, by bid times what is said, then second prices."""
    best = {}
    for n, (campaign, _, bid, _) in enumerate(ads):
        if campaign not in best or bid * said[n] > ads[best[campaign]][2] * said[best[campaign]]:
            best[campaign] = n
    order = sorted(best.values(), key=lambda n: (-ads[n][2] * said[n], ads[n][0]))
    prices = []
    for place, n in enumerate(order[:slots]):
        behind = ads[order[place + 1]][2] * said[order[place + 1]] if place + 1 < len(order) else 0.0
        prices.append(max(ads[n][3], min(ads[n][2], ceil(behind / said[n] - 1e-6))))
    return order[:slots], prices


def both_sales(engine, values):
    ads, slots = ads_of(engine, values)
    right = sold(ads, slots, [p for _, p, _, _ in ads])
    return right, sold(ads, slots, [wrong(p, values) for _, p, _, _ in ads])


def places(engine, values):
    (right, _), (now, _) = both_sales(engine, values)
    return str(sum(a != b for a, b in zip(right, now, strict=True)))


def price(engine, values):
    _, (_, prices) = both_sales(engine, values)
    return f"{prices[0] / 1e6:.6f}".rstrip("0").ljust(4, "0")


# The market: drawn anew from the sheet's seed, its errors counted bin by bin.


def market():
    return ConfidenceMarket.draw(DRAWN, advertisers=ADVERTISERS, rng=0).first(AUCTIONS)


def by_bins(values):
    """Predicted and clicked of each bin of equal mass; no two probabilities of the market are equal."""
    drawn = market()
    rows = sorted(
        (min(1.0, wrong(p, values)), int(y))
        for p, y in zip(drawn.calibrated.reshape(-1).tolist(), drawn.click.reshape(-1), strict=True)
    )
    bins = [[] for _ in range(values["bins"])]
    for place, row in enumerate(rows):
        bins[place * values["bins"] // len(rows)].append(row)
    return bins, len(rows)


def ece(_, values):
    bins, n = by_bins(values)
    return f"{sum(abs(sum(y - p for p, y in rows)) for rows in bins) / n:.4f}"


def chance(_, values):
    bins, n = by_bins(values)
    return f"{sum(sqrt(2 * sum(p * (1 - p) for p, _ in rows) / pi) for rows in bins) / n:.4f}"


def debiased(_, values):
    bins, n = by_bins(values)
    total = 0.0
    for rows in bins:
        miss = np.array([y - p for p, y in rows])
        total += len(rows) / n * (miss.mean() ** 2 - miss.var(ddof=1) / len(rows))
    return f"{np.sign(total) * sqrt(abs(total)):+.4f}"


def area(_, values):
    rows = [row for bin_ in by_bins(values)[0] for row in bin_]
    clicked = np.array([p for p, y in rows if y])
    other = np.array([p for p, y in rows if not y])
    pairs = (clicked[:, None] > other).mean() + (clicked[:, None] == other).mean() / 2
    return f"{pairs:.4f}"


def of_market(what):
    """Relative change of welfare or revenue, summed slot by slot over auctions that are sold by hand."""

    def recomputed(_, values):
        drawn = market()
        totals = []
        for distort in (lambda p: p, lambda p: wrong(p, values)):
            total = 0.0
            for p_true, p, bid in zip(drawn.p_click_1, drawn.calibrated, drawn.bid, strict=True):
                ads = [(n, float(p[n]), int(bid[n]), 0) for n in range(len(p))]
                order, prices = sold(ads, len(drawn.slot_effects), [distort(a[1]) for a in ads])
                paid = prices if what == "revenue" else [ads[n][2] for n in order]
                total += sum(
                    effect * p_true[n] * each for effect, n, each in zip(drawn.slot_effects, order, paid, strict=True)
                )
            totals.append(total)
        return f"{totals[1] / totals[0] - 1:+z.1%}"

    return recomputed


# The calibrators: the same rows, fitted again.


def refitted(values, kind):
    """Root mean square errors, and numbers of different values, of a kind over the draws."""
    fault, place = tuple(FAULTS)[values["fault"]], workbook.POWERS.index(values["power"])
    true = 1 / (1 + np.exp(-workbook.TRAFFIC))
    errors, counts = [], []
    for draw in range(workbook.DRAWS[place]):
        fitted = workbook.FITS[kind](*workbook.drawn_rows(fault, 2 ** values["power"], 0, draw))
        made = fitted.calibrate(workbook.said_of(workbook.TRAFFIC, fault))
        errors.append(sqrt(sum((made - true) ** 2) / len(true)))
        counts.append(len(set(made.tolist())))
    return sum(errors) / len(errors), int(np.median(counts))


def error(_, values):
    return f"{refitted(values, tuple(KINDS)[values['kind']])[0]:.4f}"


def best(_, values):
    return KINDS[min(KINDS, key=lambda kind: refitted(values, kind)[0])][0]


# The lists: NDCG and the pull of one pair, rank by rank.


def swapped_list(engine, values):
    """Label and score of each item now, and what it was."""
    lists = ranked_lists(engine)
    ranked = lists[(values["list"] - 1) % len(lists)]
    before = list(zip(ranked.liked.tolist(), ranked.score.tolist(), strict=True))
    one, other = values["one"] - 1, values["other"] - 1
    after = list(before)
    after[one], after[other] = (before[other][0], before[one][1]), (before[one][0], before[other][1])
    return before, after


def ndcg(rows, cut):
    gains = [label for label, _ in rows][:cut]
    ideal = sorted((label for label, _ in rows), reverse=True)[:cut]
    return sum(g / log2(r + 2) for r, g in enumerate(gains)) / sum(g / log2(r + 2) for r, g in enumerate(ideal))


def cut_of(values):
    return 3 if values["cut"] else None


def change(engine, values):
    before, after = swapped_list(engine, values)
    return f"{ndcg(after, cut_of(values)) - ndcg(before, cut_of(values)):+z.4f}"


def delta_of(engine, values):
    """What swapping the two back is worth, as the difference of two NDCGs; nothing where both are liked or neither."""
    before, after = swapped_list(engine, values)
    return abs(ndcg(after, cut_of(values)) - ndcg(before, cut_of(values)))


def pull(engine, values):
    _, after = swapped_list(engine, values)
    one, other = after[values["one"] - 1], after[values["other"] - 1]
    liked, not_liked = (one, other) if one[0] > other[0] else (other, one)
    return f"{delta_of(engine, values) * sigmoid(not_liked[1] - liked[1]):.4f}"


RECOMPUTED = {
    ("confidence", "places"): places,
    ("confidence", "price"): price,
    ("confidence", "ece"): ece,
    ("confidence", "chance"): chance,
    ("confidence", "debiased"): debiased,
    ("confidence", "auc"): area,
    ("confidence", "welfare"): of_market("welfare"),
    ("confidence", "revenue"): of_market("revenue"),
    ("calibrator", "error"): error,
    ("calibrator", "none"): lambda _, values: f"{refitted(values, 'none')[0]:.4f}",
    ("calibrator", "values"): lambda _, values: f"{refitted(values, tuple(KINDS)[values['kind']])[1]:,}",
    ("calibrator", "best"): best,
    ("swap", "change"): change,
    ("swap", "pull"): pull,
    ("swap", "delta"): lambda engine, values: f"{delta_of(engine, values):.4f}",
}
