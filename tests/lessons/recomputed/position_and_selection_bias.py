"""Lesson 7's figures by hand: lists enumerated, readers of the simulator, click models by a search, trainings repeated."""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.optimize import minimize

from shortlist.learning.propensity.harvest import curve_from_harvest
from shortlist.lessons.position_bias import clip, strength, swaps
from shortlist.lessons.position_bias.small_page import ATTRACTION, OLD_ORDER, PLACES
from shortlist.rehearsal.retraining import retraining_world
from shortlist.simulation.examination import Examination
from shortlist.simulation.log_shape import LogShape
from shortlist.workbook.position_bias import loops, promotions

SEED = 0
ITEMS = range(len(ATTRACTION))
LISTS = np.array(list(permutations(ITEMS, PLACES)))
BETTER = tuple(ITEMS)


def looks(eta, places=PLACES):
    return np.arange(1, places + 1.0) ** -eta


def examination(reader, eta, places=PLACES):
    """The simulator's reader of that kind."""
    if reader == 2:
        return Examination.dynamic(places, patience=1.0)
    if reader == 0:
        return Examination.position_based(looks(eta, places))
    return Examination.trust_bias(looks(eta, places), np.ones(places), 0.2 * eta / np.arange(1, places + 1))


@cache
def clicks(reader, eta):
    """P(click) at each place of each list."""
    a = ATTRACTION[LISTS]
    return examination(reader, eta).expected_clicks(a, np.full_like(a, eta / 2))


@cache
def chances(order, temperature):
    """Of each list, slot after slot."""
    weight = {item: math.exp(-0.2 * rank / temperature) for rank, item in enumerate(order)}
    found = []
    for shown in LISTS.tolist():
        left, chance = sum(weight.values()), 1.0
        for item in shown:
            chance *= weight[item] / left
            left -= weight[item]
        found.append(chance)
    return np.array(found)


def at_place(chance):
    """P(item at place), ``(L, n)``."""
    table = np.zeros((PLACES, len(ATTRACTION)))
    for shown, p in zip(LISTS.tolist(), chance, strict=True):
        for place, item in enumerate(shown):
            table[place, item] += p
    return table


def by_item(of_lists, p):
    """Sum over lists and places of something, by item."""
    total = np.zeros(len(ATTRACTION))
    np.add.at(total, LISTS, of_lists * p[:, None])
    return total


def place_weights(target, logged):
    return (at_place(target) / at_place(logged))[np.arange(PLACES), LISTS]


@cache
def click_model(reader, eta):
    """P(click) by place and item, the position-based model fitted to endless logs by a search over logits."""
    served = chances(OLD_ORDER, strength.TEMPERATURE)
    seen = at_place(served)
    won = np.zeros_like(seen)
    for shown, p, c in zip(LISTS.tolist(), served, clicks(reader, eta), strict=True):
        won[range(PLACES), shown] += p * c

    def table(x):
        examined = 1 / (1 + np.exp(-np.append(20.0, x[: PLACES - 1])))
        return examined[:, None] / (1 + np.exp(-x[PLACES - 1 :]))

    def loss(x):
        q = table(x)
        return -(won * np.log(q) + (seen - won) * np.log1p(-q)).sum()

    start = np.zeros(PLACES - 1 + len(ATTRACTION))
    found = minimize(loss, start, method="BFGS", options={"gtol": 1e-9}).x
    return table(minimize(loss, found, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-14}).x)


@cache
def strength_lifts(eta, reader, challenger, logged):
    c = clicks(reader, eta / 100)
    served = chances(OLD_ORDER, strength.TEMPERATURE)
    rate = by_item(c, served) / by_item(np.ones_like(c), served)
    order = (BETTER, tuple(sorted(ITEMS, key=lambda item: -rate[item])), OLD_ORDER[::-1])[challenger]
    target = chances(order, strength.TEMPERATURE)
    told = chances(OLD_ORDER, strength.FALSE_TEMPERATURE) if logged else served
    earned = (served[:, None] * c).sum()
    weight = place_weights(target, told)
    q = click_model(reader, eta / 100)
    q_shown = q[np.arange(PLACES), LISTS]
    expected = (at_place(target) * q).sum()
    captured = [by_item(c, served)[list(each[:3])].sum() for each in (order, OLD_ORDER)]
    return {
        "true": (target[:, None] * c).sum() / earned - 1,
        "naive": at_place(target).sum(axis=0) @ rate / earned - 1,
        "top": captured[0] / captured[1] - 1,
        "direct": expected / (at_place(served) * q).sum() - 1,
        "ips": (served[:, None] * weight * c).sum() / earned - 1,
        "dr": (expected + (served[:, None] * weight * (c - q_shown)).sum()) / earned - 1,
        "list": ((served * target / told)[:, None] * c).sum() / earned - 1,
    }


def lift(key):
    def recomputed(_, values):
        return f"{strength_lifts(*(values[name] for name in ('eta', 'reader', 'challenger', 'logged')))[key]:+z.1%}"

    return recomputed


@cache
def clip_case(temperature, by_list):
    served = chances(OLD_ORDER, clip.TEMPERATURES[temperature])
    target = chances(BETTER, clip.TARGET)
    weight = np.repeat((target / served)[:, None], PLACES, axis=1) if by_list else place_weights(target, served)
    return served, target, weight


def clipped(values, at):
    """Bias and deviation relative to the truth; people who do not stop click at each place by itself."""
    served, target, weight = clip_case(values["temperature"], values["weights"])
    c, cut = clicks(0, clip.ETA), np.minimum(weight, at)
    true = (target[:, None] * c).sum()
    of_list = (cut * c).sum(axis=1)
    mean = served @ of_list
    square = served @ (of_list**2 + (cut**2 * c * (1 - c)).sum(axis=1))
    return mean / true - 1, math.sqrt((square - mean**2) / 10 ** values["pages"]) / true


def clip_error(values, at):
    return math.hypot(*clipped(values, at))


def effective(_, values):
    served, _, weight = clip_case(values["temperature"], values["weights"])
    share = min((served @ w) ** 2 / (served @ w**2) for w in weight.T)
    return f"{10 ** values['pages'] * share:,.0f}"


def p_click(reader, item, place):
    """Of the widget ``swaps``."""
    page = examination(reader, swaps.ETA, swaps.PLACES)
    a = np.full((1, swaps.PLACES), swaps.ATTRACTIONS[item])
    return page.expected_clicks(a, np.zeros_like(a))[0, place]


def swap_tends_to(values):
    """At the last place: the ratio, and the relative standard error, over the coin and the clicks, by enumeration."""
    last = swaps.PLACES - 1
    cases = []
    for first, low in ((0, last), (last, 0)):
        tops, lows = p_click(values["reader"], first, 0), p_click(values["reader"], low, last)
        for top in (0, 1):
            for bottom in (0, 1):
                chance = (tops if top else 1 - tops) * (lows if bottom else 1 - lows) / 2
                cases.append((chance, top, bottom))
    mean_top = sum(p * top for p, top, _ in cases)
    ratio = sum(p * low for p, _, low in cases) / mean_top
    variance = sum(p * (low - ratio * top) ** 2 for p, top, low in cases)
    return ratio, math.sqrt(variance / (2 ** values["power"] / last)) / mean_top / ratio


def swap_loss(_, values):
    reader, last = values["reader"], swaps.PLACES - 1
    lost = [
        p_click(reader, 0, 0) + p_click(reader, r, r) - p_click(reader, r, 0) - p_click(reader, 0, r)
        for r in range(1, last + 1)
    ]
    return f"{2 ** values['power'] * sum(lost) / len(lost) / 2:,.0f}"


def off(curve):
    true = looks(swaps.ETA, swaps.PLACES)
    return f"{math.sqrt(np.mean((curve[1:] / true[1:] - 1) ** 2)):.0%}"


def swap_off(_, values):
    """The day's draws again, clicks counted partner by partner."""
    rng, lists, reader = np.random.default_rng(0), 2 ** values["power"], values["reader"]
    partner = rng.integers(1, swaps.PLACES, lists)
    swapped = rng.random(lists) < 0.5
    top, low = rng.random(lists), rng.random(lists)
    clicked = np.zeros((2, swaps.PLACES))
    for n, r in enumerate(partner.tolist()):
        first, other = (r, 0) if swapped[n] else (0, r)
        clicked[0, r] += top[n] < _table(reader)[0][first]
        clicked[1, r] += low[n] < _table(reader)[r][other]
    return off(np.append(1.0, clicked[1, 1:] / clicked[0, 1:]))


@cache
def _table(reader):
    return [[p_click(reader, item, place) for item in range(swaps.PLACES)] for place in range(swaps.PLACES)]


def harvest_off(_, values):
    rng = np.random.default_rng(1)
    which = rng.integers(2, size=swaps.HARVESTED)
    shown = np.where(which[:, None], swaps.OTHER_ORDER, np.arange(swaps.PLACES))
    place = np.tile(np.arange(swaps.PLACES), swaps.HARVESTED)
    p = np.array(_table(values["reader"]))[place, shown.ravel()]
    click = rng.random(shown.shape).ravel() < p
    return off(curve_from_harvest(shown.ravel(), place, click, places=swaps.PLACES).examination)


@cache
def retrained():
    """Worth and items first by generation and the judged share, means over worlds, a row a loop."""
    plan = loops.loop_plan(SEED)
    with TemporaryDirectory() as folder:
        worlds = [retraining_world(plan, LogShape.invent(), n, Path(folder)) for n in range(loops.WORLDS)]
    found = sum(worlds) / len(worlds)
    half = plan.generations
    return found[:, :half], found[:, half:-1], found[:, -1]


def retrained_figure(figure):
    return lambda _, values: figure(*retrained(), values["of"], values["generation"])


@cache
def tried():
    return promotions.try_promotion(SEED)


def first_users(values, score):
    """The true effects on those who are shown it, picked one by one."""
    found = tried()
    ranked = sorted(range(len(found.effect)), key=lambda user: (-score[user], user))
    return [float(found.effect[user]) for user in ranked[: len(ranked) * values["share"] // 100]]


def gain(values, score):
    return f"{1000 * sum(first_users(values, score)) / len(score):.1f}"


def put_off(_, values):
    effects = first_users(values, tried().score[values["by"]])
    return f"{sum(effect < 0 for effect in effects) / len(effects):.0%}"


RECOMPUTED = {
    **{("strength", key): lift(key) for key in ("true", "naive", "top", "direct", "ips", "dr", "list")},
    ("clip", "bias"): lambda _, values: f"{clipped(values, 2 ** values['power'])[0]:+z.1%}",
    ("clip", "deviation"): lambda _, values: f"{clipped(values, 2 ** values['power'])[1]:.1%}",
    ("clip", "error"): lambda _, values: f"{clip_error(values, 2 ** values['power']):.1%}",
    ("clip", "best"): lambda _, values: f"{min((2**k for k in clip.CLIPS), key=lambda at: clip_error(values, at))}",
    ("clip", "largest"): lambda _, values: f"{clip_case(values['temperature'], values['weights'])[2].max():,.1f}",
    ("clip", "effective"): effective,
    ("swaps", "limit"): lambda _, values: f"{swap_tends_to(values)[0]:.3f}",
    ("swaps", "expected"): lambda _, values: f"± {swap_tends_to(values)[1]:.0%}",
    ("swaps", "loss"): swap_loss,
    ("swaps", "off"): swap_off,
    ("swaps", "harvest"): harvest_off,
    ("loop", "worth"): retrained_figure(lambda worth, first, judged, of, g: f"{worth[of, g]:.2f}"),
    ("loop", "first"): retrained_figure(lambda worth, first, judged, of, g: f"{first[of, g]:.2f}"),
    ("loop", "judged"): retrained_figure(lambda worth, first, judged, of, g: f"{judged[of]:.0%}"),
    ("loop", "ips-gain"): retrained_figure(lambda worth, first, judged, of, g: f"{worth[2, -1] - worth[0, -1]:+z.3f}"),
    ("loop", "cost"): retrained_figure(lambda worth, first, judged, of, g: f"{worth[2, -1] - worth[3, -1]:+z.3f}"),
    ("whom", "gain"): lambda _, values: gain(values, tried().score[values["by"]]),
    ("whom", "best"): lambda _, values: gain(values, tried().effect),
    ("whom", "lot"): lambda _, values: f"{10 * values['share'] * float(np.mean(tried().effect)):.1f}",
    ("whom", "put-off"): put_off,
    ("whom", "qini"): lambda _, values: f"{1000 * tried().qini[values['by']]:.1f}",
}  # fmt: skip
