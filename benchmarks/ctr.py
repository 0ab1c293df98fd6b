"""Clicks and long views of KuaiRand-Pure: every ranker and their blend beside LightGBM and CatBoost, by seeds.

Learned from 25 April to 1 May, chosen on 2 May, judged on 3 and 4 May with all histories and counts frozen at the end
of 2 May. Everyone gets the same numbers: what the video and the user are, and how often and with what outcome the user,
the video, its tag, its length, the page and the hour, and pairs of them, were met. Rows to learn from know the other
days of the log but not their own (``DeclaredRows.cross_fitted``); rows that are judged know the past only. Peers see
the small categories too, as categories. A peer has two or three settings; 2 May chooses among them, as it stops all
trainings and weighs the blend. Platt's two numbers, fitted on 2 May, calibrate all alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.clicks.judged import Fit, Judged, differences, figures, loss_of
from benchmarks.clicks.ours import fitted_blend, fitted_net
from benchmarks.clicks.peers import PEERS, best_of
from benchmarks.clicks.split import Split
from benchmarks.clicks.targets import rows_of_targets
from benchmarks.report import Row
from shortlist.datasets.kuairand_impressions import midnight_us
from shortlist.training.fit_blend import BlendRecipe
from shortlist.training.fit_rankers import NEURAL

__all__ = ["run"]

SEEDS = 5


def run(quick: bool, seed: int) -> Sequence[Row]:
    """AUC, log-loss, calibration, AUC within users and speed; and the blend less each peer over the seeds."""
    return rows_of_targets(_of_target, quick, seed)


def _of_target(target: str, quick: bool, seed: int) -> list[Row]:
    torch.set_num_threads(1)
    days = midnight_us(5, 2), midnight_us(5, 3), midnight_us(5, 5)
    split = Split.of(target, days, every=10 if quick else 1)
    recipe = BlendRecipe()
    rows: list[Row] = []
    ours: list[Judged] = []
    chosen: dict[str, Fit] = {}
    peers: dict[str, list[Judged]] = {}
    for number in range(seed, seed + (1 if quick else SEEDS)):
        blend, singles = fitted_blend(split, recipe, number)
        ours.append(blend)
        if number == seed:
            nets = [name for name, kind in NEURAL.items() if not (quick or kind.tasks or name in singles)]
            singles |= {name: fitted_net(name, split, number) for name in nets}
            for name, judged in (singles | {"blend": blend}).items():
                rows += figures("shortlist", f"{target}, {name}", judged, split)
            for name, fits in PEERS.items():
                chosen[name], first = best_of(fits, split, number)
                peers[name] = [first]
        else:
            for name, fit in chosen.items():
                peers[name].append(fit(split, number))
    for name, found in peers.items():
        rows += figures(name, target, found[0], split)
    best = min(peers, key=lambda name: np.mean([loss_of(one.later, split.later) for one in peers[name]]))
    for name, found in peers.items():
        note = " (the better one on 2 May)" if name == best else ""
        rows += differences(f"{target}, blend less {name}{note}", ours, found, split)
    return rows
