"""Widget: swap two items of a list, and see what LambdaRank, RankNet and cross-entropy would do about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Float64
from shortlist.funnel.engine import Engine
from shortlist.learning.losses.lambda_gradient import LambdaGradient, lambda_gradient
from shortlist.learning.losses.plain_gradients import cross_entropy_gradient, pairwise_logistic_gradient
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.losses_and_calibration.ranked_lists import LENGTH, LISTS, RankedList, ranked_lists
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.views import Figure, figures, side_by_side
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["CUTS", "SwapView", "edge_ratio", "swap", "swapped"]

CUTS = (None, 3)
"""The k of NDCG@k that LambdaRank is given."""
TOP = 3
GUESSES = {"1": "as hard: a wrong pair is a wrong pair", "3": "about 3 times", "10": "about 10 times", "30": "about 30"}


def edge_ratio() -> float:
    """How much harder LambdaRank pulls at one wrong pair in places 1 and 2 than in 9 and 10, margins alike."""
    pulls = []
    for below in (1, LENGTH - 1):
        label = np.zeros(LENGTH)
        label[below] = 1.0
        pulls.append(float(lambda_gradient(np.zeros(LENGTH), label).swap[below, below - 1]))
    return pulls[0] / pulls[1]


def swapped(score: Float64, one: int, other: int) -> Float64:
    """The scores after the items at two places, from 0, have taken each other's."""
    out = score.copy()
    out[[one, other]] = score[[other, one]]
    return out


@dataclass(frozen=True, slots=True, eq=False)
class SwapView:
    """One list with two items swapped.

    Attributes:
        ranked: the list as the ranker gave it.
        one: place from 0.
        other: place from 0.
        cut: k of NDCG@k, None for the whole list.
        before: LambdaRank's forces on the list as it was.
        after: on the list as it is now; items keep their numbers of before.
        pairs: RankNet's gradient now, ``(n,)``.
        rows: cross-entropy's gradient now, ``(n,)``.
    """

    ranked: RankedList
    one: int
    other: int
    cut: int | None
    before: LambdaGradient
    after: LambdaGradient
    pairs: Float64
    rows: Float64

    @property
    def pair(self) -> tuple[int, int]:
        """The two items, the liked one first where just one of them is."""
        a, b = self.one, self.other
        return (b, a) if self.ranked.liked[b] > self.ranked.liked[a] else (a, b)

    @property
    def change(self) -> float:
        """NDCG now less NDCG before."""
        return self.after.ndcg - self.before.ndcg

    @property
    def pull(self) -> float:
        """LambdaRank's force between the two."""
        return float(self.after.swap[self.pair] * self.after.disagreement[self.pair])

    def answer(self) -> str:
        """The ratio, and where it comes from."""
        return (
            f"{edge_ratio():.0f} times as hard. What a swap of neighbours is worth is the difference of their "
            "discounts: 1 - 1 / log2(3) = 0.369 for places 1 and 2, 1 / log2(10) - 1 / log2(11) = 0.012 for places 9 "
            "and 10."
        )

    def right_guess(self) -> str:
        """The nearest, on a log scale."""
        return min(GUESSES, key=lambda option: abs(np.log(int(option) / edge_ratio())))

    def share_at_top(self, gradient: Float64) -> float:
        """Of all the push, what lands on the first places as they are now."""
        size = np.abs(gradient)
        return float(size[self._order()[:TOP]].sum() / size.sum())

    def html(self) -> Markup:
        """The list as it stands now, and the push that each loss gives to each item."""
        a, b = self.pair
        told = self.ranked.liked[a] != self.ranked.liked[b]
        return Markup().join(
            [
                figures(
                    Figure(self._measure(), f"{self.after.ndcg:.4f}", f"was {self.before.ndcg:.4f}", "ndcg"),
                    Figure("the swap changed it by", f"{self.change:+z.4f}", "", "change"),
                    Figure("a swap back is worth", f"{self.after.swap[a, b]:.4f}", "|ΔNDCG|", "delta"),
                    Figure(
                        "chance of the wrong order",
                        f"{self._wrong():.3f}" if told else "none",
                        "by the margin",
                        "wrong",
                    ),
                    Figure("LambdaRank's pull", f"{self.pull:.4f}", "their product", "pull"),
                ),
                side_by_side(self._list(), self._pushes()),
                Markup('<p class="small muted">{}</p>').format(
                    "A bar to the right pushes the item up, to the left down; a loss's pushes add up to 100% in size. "
                    f"Of them the first {TOP} places get: LambdaRank {self.share_at_top(self.after.gradient):.0%}, "
                    f"RankNet {self.share_at_top(self.pairs):.0%}, cross-entropy {self.share_at_top(self.rows):.0%}."
                ),
            ]
        )

    def _measure(self) -> str:
        return "NDCG of the list" if self.cut is None else f"NDCG@{self.cut}"

    def _wrong(self) -> float:
        return float(self.after.disagreement[self.pair])

    def _order(self) -> list[int]:
        """The items by their scores now."""
        order = list(range(len(self.ranked.titles)))
        order[self.one], order[self.other] = order[self.other], order[self.one]
        return order

    def _list(self) -> Markup:
        score = swapped(self.ranked.score, self.one, self.other)
        rows = Markup().join(
            Markup('<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td class="num">{}</td></tr>').format(
                place + 1,
                Markup("<strong>{}</strong>").format(self.ranked.titles[n])
                if n in (self.one, self.other)
                else self.ranked.titles[n],
                "liked" if self.ranked.liked[n] else "",
                f"{score[n]:+.2f}",
            )
            for place, n in enumerate(self._order())
        )
        return Markup(
            '<div class="scroll" tabindex="0" role="group" aria-label="The list as it stands now"><table>'
            '<caption>The list now; the two that were swapped stand out</caption><thead><tr><th scope="col">place</th>'
            '<th scope="col">item</th><th scope="col">later</th><th scope="col" class="num">log odds</th></tr></thead>'
            "<tbody>{}</tbody></table></div>"
        ).format(rows)

    def _pushes(self) -> Markup:
        order = self._order()
        names = [f"{place + 1} {_short(self.ranked.titles[n])}" for place, n in enumerate(order)]
        groups = [
            Bars(name, css, tuple((-gradient / np.abs(gradient).sum())[order].tolist()))
            for name, css, gradient in (
                ("LambdaRank", "one", self.after.gradient),
                ("RankNet", "two", self.pairs),
                ("cross-entropy", "three", self.rows),
            )
        ]
        return bars("Share of a loss's push", names, groups)


def _short(title: str) -> str:
    return title if len(title) <= 15 else f"{title[:14].rstrip()}…"


_once = OncePerEngine(ranked_lists)


@widget(
    "swap",
    title="Swap two items: who pushes back, and how hard?",
    controls=(
        Slider("one", "The item in place", 1, LENGTH, 1, 1, (1, 2, 3, 9)),
        Slider("other", "takes the place of the one in", 1, LENGTH, 1, 10, (2, 3, 5, 10)),
        Choice("cut", "LambdaRank is given", ("NDCG of the whole list", "NDCG@3")),
        Slider("list", "List of this release", 1, LISTS, 1, 1, (1, 2)),
    ),
    guess=Guess(
        "Before you look: a liked item stands right below one that was not, their scores equal: once in places 1 and "
        f"2, once in places {LENGTH - 1} and {LENGTH}. How much harder does LambdaRank pull at the first pair?",
        GUESSES,
    ),
)
def swap(engine: Engine, state: State) -> SwapView:
    """Exchange two scores, and ask the losses."""
    lists = _once(engine)
    ranked = lists[(state["list"] - 1) % len(lists)]
    one, other, cut = state["one"] - 1, state["other"] - 1, CUTS[state["cut"]]
    score = swapped(ranked.score, one, other)
    return SwapView(
        ranked=ranked,
        one=one,
        other=other,
        cut=cut,
        before=lambda_gradient(ranked.score, ranked.liked, k=cut),
        after=lambda_gradient(score, ranked.liked, k=cut),
        pairs=pairwise_logistic_gradient(score, ranked.liked),
        rows=cross_entropy_gradient(score, ranked.liked),
    )
