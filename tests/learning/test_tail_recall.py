"""A planted world with popularity skew: what the log-Q correction does to the recall of tail items, and what not.

300 items in 6 groups of 50, 700 users of 14 events (``simulation/taste_groups.py``). The first 10 events are learned
from, the last 4 are looked for. The tail is all but the 5 most popular items of each group, with half of the events.

A corrected model learns log p(i | u). An uncorrected one learns log p(i | u) - log q(i), in which all 50 items of a
group are alike. Once k is larger than the head, ranking the tail by how often its items are really wanted finds more
of it than ranking it at random. Where k is smaller, the head fills the corrected list, as it should, and the
uncorrected one shows more of the tail: at k = 5 the correction costs tail recall. Both are asserted.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shortlist.evaluation.bootstrap import paired_interval
from shortlist.learning.fit_towers import TwoTowerRecipe, fit_towers, item_vectors
from shortlist.learning.negatives.frequency import CountedFrequency
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.one_thread import one_thread
from shortlist.learning.tower_examples import TowerExamples
from shortlist.learning.two_tower_model import TwoTowerModel
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.simulation.taste_groups import TasteGroups
from shortlist.workbook.negative_sampling.towers import Weighed

WORLD = TasteGroups()
HEAD, USERS, LEARNED, LOOKED_FOR = 5, 700, 10, 4
V = WORLD.n_rows - 1


@pytest.fixture(scope="module")
def ranks():
    """The rank of each looked-for item, ``(USERS, LOOKED_FOR)``, by model; and which of them are of the tail."""
    _, table = WORLD.draw(USERS, LEARNED + LOOKED_FOR, rng=np.random.default_rng(0))
    learned, looked_for = table[:, :LEARNED], table[:, LEARNED:]
    place = np.arange(learned.size)
    at = place[place % LEARNED > 0]
    examples = TowerExamples(learned.reshape(-1).astype(np.int32), at - at % LEARNED, at)
    exact = InBatchNegatives(CountedFrequency(examples.counts(V + 1)))
    recipe = TwoTowerRecipe(width=16, hidden=16, history=LEARNED, epochs=12, batch=256, temperature=0.1)
    found = {}
    for name, correction in CORRECTIONS.items():
        sampler = Weighed(exact, correction, V)
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            no_content = torch.zeros(V + 1, 1, dtype=torch.int64)
            model = TwoTowerModel(V + 1, 1, no_content, width=16, hidden=16, history=LEARNED)
            fit_towers(model, examples, sampler, recipe=recipe, seed=0)
            with torch.no_grad():
                users = model(torch.from_numpy(learned[:, ::-1].copy()))[0]
                score = (users @ item_vectors(model).T).numpy()
        score[:, 0] = -np.inf
        own = np.take_along_axis(score, looked_for, axis=1)
        found[name] = (score[:, None, :] > own[:, :, None]).sum(axis=2)
    return found, (looked_for - 1) % WORLD.size >= HEAD


def difference(ranks, k, a, b, which):
    found, tail = ranks
    mask = tail if which == "tail" else np.ones_like(tail)
    user = np.nonzero(mask)[0]
    return paired_interval((found[a] < k)[mask], (found[b] < k)[mask], user, rng=0)


@pytest.mark.statistical
def test_the_corrected_model_finds_more_of_the_tail(ranks):
    """Recall@20 of tail items .47 against .37; the 95% interval, resampled by user, excludes zero.

    The difference lies over six standard errors from zero: a false alarm has a chance below 1e-6.
    """
    interval = difference(ranks, 20, "corrected", "uncorrected", "tail")
    assert interval.low > 0.03
    assert difference(ranks, 20, "corrected", "uncorrected", "all").low > 0.1


@pytest.mark.statistical
def test_where_the_head_fills_the_list_the_correction_costs_tail_recall(ranks):
    """Recall@5 of tail items .04 against .09, of all items .45 against .21; six standard errors, as above."""
    assert difference(ranks, 5, "corrected", "uncorrected", "tail").high < 0
    assert difference(ranks, 5, "corrected", "uncorrected", "all").low > 0.15


@pytest.mark.statistical
def test_the_wrong_sign_is_worse_than_none(ranks):
    """The negative control: recall@20 of tail items .21 against .37, ten standard errors."""
    assert difference(ranks, 20, "wrong_sign", "uncorrected", "tail").high < 0
    assert difference(ranks, 20, "wrong_sign", "uncorrected", "all").high < 0
