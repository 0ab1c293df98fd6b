"""Six ways to say from a log what another policy would earn, each beside what it says of the policy that served.

The first two take what stood high for good. The click model is right where readers are as it supposes; IPS needs the
propensities; DR needs one of the two. Weights by place suppose that a click depends on what stands at its own place,
weights by list suppose nothing, and pay for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.evaluation.off_policy.estimate import Estimate
from shortlist.evaluation.off_policy.estimators import direct, doubly_robust, ips, on_policy
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.evaluation.off_policy.overlap import Abstention, OverlapRule, overlap
from shortlist.evaluation.off_policy.weights import list_weights, place_weights
from shortlist.lessons.position_bias.small_page import Outcomes

__all__ = ["METHODS", "TOP", "Said", "estimates"]

METHODS = {
    "naive": "naive click rate",
    "top": "top 3, old log",
    "direct": "click model",
    "ips": "IPS by place",
    "dr": "DR by place",
    "list": "IPS by list",
}
"""By their keys, in the order of the page."""
TOP = 3


class Said(NamedTuple):
    """What a method says.

    Attributes:
        target: of the policy that is judged.
        served: of the one that served.
        refused: why its weights do not suffice; None where they do, or where it has none.
    """

    target: Estimate
    served: Estimate
    refused: Abstention | None


def estimates(
    page: Outcomes, score: Float64, target: ListPolicy, logged: ListPolicy, rows: Int64 | None = None
) -> dict[str, Said]:
    """Every method on every outcome, or on the rows of a log.

    Args:
        page: the policy that served, and all that may have happened.
        score: of the target policy, ``(1, n)``: its first three are the new ranker's.
        target: that policy.
        logged: what the log says the policy was that served.
        rows: of ``page``; without them each outcome counts once, and ``exact`` weighs it.
    """
    at = np.arange(len(page.click)) if rows is None else rows
    lists, context, of_list = page.lists, page.context, page.of_list[at]
    reward = page.click[at].astype(np.float64)
    served_at, logged_at, target_at = (each.item_at_place() for each in (page.served, logged, target))
    on_page = (target_at.sum(axis=1) / served_at.sum(axis=1))[0, lists][of_list]
    by_place = place_weights(target_at, logged_at, context, lists)[of_list]
    by_list = list_weights(target.given_above(context, lists), logged.given_above(context, lists))[of_list]
    q = page.predicted
    expected, expected_served = (np.tile((each[0] * q).sum(axis=1), (len(at), 1)) for each in (target_at, served_at))
    q_shown = q[np.arange(len(q)), lists][of_list]
    served = on_policy(reward)
    old, new = (np.isin(lists, _first(each))[of_list] for each in (np.log(page.served.weight), score))
    rule = OverlapRule()
    enough, enough_lists = (rule.judge(overlap(w, reward)) for w in (by_place, by_list))
    return {
        "naive": Said(ips(on_page, reward), served, None),
        "top": Said(on_policy(reward * new), on_policy(reward * old), None),
        "direct": Said(direct(expected), direct(expected_served), None),
        "ips": Said(ips(by_place, reward), served, enough),
        "dr": Said(doubly_robust(by_place, reward, q_shown, expected), served, enough),
        "list": Said(ips(by_list, reward), served, enough_lists),
    }


def _first(score: Float64) -> Int64:
    first: Int64 = np.argsort(-score[0], kind="stable")[:TOP]
    return first
