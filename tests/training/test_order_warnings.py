"""When an evaluation says that the ranker's order is not worth having."""

from shortlist.evaluation.bootstrap import Interval
from shortlist.training.evaluate_feed import ITEM_KNN, MERGE, MINUS, POPULARITY, RANKED, order_warnings
from shortlist.training.report import Stage, figure


def ranking(**differences):
    lines = [figure(RANKED, "ndcg@10", Interval(0.1, 0.05, 0.15, 0.95, 9))]
    lines += [figure(MINUS + who, "ndcg@10", Interval(*ends, 0.95, 9)) for who, ends in differences.items()]
    return Stage(title="ranking", note="", figures=tuple(lines))


def test_a_plainer_order_that_is_better_beyond_chance_is_named():
    worse = ranking(**{MERGE: (-0.17, -0.28, -0.09), POPULARITY: (-0.01, -0.03, 0.01), ITEM_KNN: (0.1, 0.05, 0.2)})
    (said,) = order_warnings(worse)
    assert MERGE in said
    assert "-0.1700 [-0.2800, -0.0900]" in said


def test_a_difference_within_chance_is_no_warning():
    assert not order_warnings(ranking(**{MERGE: (-0.01, -0.03, 0.01), POPULARITY: (0.1, 0.05, 0.2)}))
