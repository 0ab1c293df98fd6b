"""Widget: where to cut the weights, so that bias and variance together are least."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Float64
from shortlist.evaluation.off_policy.estimators import clipped_ips, doubly_robust, ips, switch
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.evaluation.off_policy.overlap import Abstention, OverlapRule, overlap
from shortlist.evaluation.off_policy.weights import list_weights, place_weights
from shortlist.funnel.engine import Engine
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.position_bias.readers import READERS
from shortlist.lessons.position_bias.small_page import (
    ATTRACTION,
    PLACES,
    Exact,
    Outcomes,
    by_rank,
    exact,
    outcomes,
)
from shortlist.lessons.views import Figure, Series, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["CLIPS", "ETA", "TARGET", "TEMPERATURES", "ClipView", "clip"]

CLIPS = tuple(range(10))
"""Powers of two."""
TEMPERATURES = (0.4, 0.2, 0.1)
"""Of the policy that served."""
TARGET = 0.2
"""Temperature of the policy that is judged: the better order."""
ETA = 1.0
GUESSES = {"1": "1: no weight above 1", "8": "about 8", "64": "about 64", "512": "none at all"}
GUESSED = {"temperature": 1, "weights": 0, "pages": 3}


@dataclass(frozen=True, slots=True)
class Risk:
    """Of an estimator on logs of some length, as shares of the true value."""

    bias: float
    deviation: float

    @property
    def error(self) -> float:
        """Root mean square error."""
        return float(np.hypot(self.bias, self.deviation))


class _Case:
    """One log's policy and one kind of weights."""

    def __init__(self, temperature: int, by_list: int) -> None:
        self.page: Outcomes = outcomes(READERS[0], ETA, TEMPERATURES[temperature])
        page, lists, context = self.page, self.page.lists, self.page.context
        target = ListPolicy.softmax(by_rank(tuple(range(len(ATTRACTION)))), temperature=TARGET, places=PLACES)
        self.true = page.true_value(target)
        self.reward = page.click.astype(np.float64)
        at, logged_at = target.item_at_place(), page.served.item_at_place()
        self.weight: Float64 = (
            list_weights(target.given_above(context, lists), page.served.given_above(context, lists))
            if by_list
            else place_weights(at, logged_at, context, lists)
        )[page.of_list]
        q = page.predicted
        self.q_shown = q[np.arange(PLACES), page.shown]
        self.expected: Float64 = np.tile((at[0] * q).sum(axis=1), (len(page.click), 1))
        clips = [2.0**power for power in CLIPS]
        self.clipped = [exact(clipped_ips(self.weight, self.reward, clip=c), page.chance) for c in clips]
        self.switched = [exact(switch(*self._parts, threshold=c), page.chance) for c in clips]
        self.whole = exact(ips(self.weight, self.reward), page.chance)
        self.doubly = exact(doubly_robust(*self._parts), page.chance)

    @property
    def _parts(self) -> tuple[Float64, Float64, Float64, Float64]:
        return self.weight, self.reward, self.q_shown, self.expected

    def effective_share(self) -> float:
        """What a page is worth to the weights, on average over all logs and at the worst place: (E w)² / E w²."""
        w, chance = self.weight, self.page.chance
        return float(((chance @ w) ** 2 / (chance @ w**2)).min())


@lru_cache(maxsize=len(TEMPERATURES) * 2)
def _case(temperature: int, weights: int) -> _Case:
    return _Case(temperature, weights)


@lru_cache(maxsize=len(TEMPERATURES) * 6)
def _refused(temperature: int, weights: int, pages: int) -> Abstention | None:
    """Why a log of 10 to the power of ``pages``, drawn once, does not answer; None where it does."""
    case = _case(temperature, weights)
    rows = case.page.draw(10**pages, np.random.default_rng(0))
    return OverlapRule().judge(overlap(case.weight[rows], case.reward[rows]))


@dataclass(frozen=True)
class ClipView:
    """One state; the attributes are the controls' values, ``pages`` a power of ten."""

    power: int
    pages: int
    temperature: int
    weights: int

    @cached_property
    def case(self) -> _Case:
        """What is shown."""
        return _case(self.temperature, self.weights)

    def risk(self, of: Exact) -> Risk:
        """Of an estimator, with as many pages."""
        true = self.case.true
        return Risk(of.mean / true - 1.0, of.error(10.0**self.pages) / true)

    @cached_property
    def clipped(self) -> list[Risk]:
        """By clip."""
        return [self.risk(each) for each in self.case.clipped]

    @cached_property
    def best(self) -> int:
        """The power of the clip with the least error."""
        return min(CLIPS, key=lambda power: self.clipped[power].error)

    def answer(self) -> str:
        """Of the state that is asked about."""
        asked = ClipView(0, **GUESSED)
        best = asked.clipped[asked.best]
        return (
            f"{2**asked.best}. There bias is {best.bias:+.1%} and standard deviation {best.deviation:.1%}; "
            f"without a clip {asked.risk(asked.case.whole).deviation:.1%}, and no bias. "
            "With ten times the pages the best clip is higher, for only the variance falls."
        )

    def right_guess(self) -> str:
        """The nearest, on a log scale."""
        best = ClipView(0, **GUESSED).best
        return min(GUESSES, key=lambda option: abs(np.log2(int(option)) - best))

    def html(self) -> Markup:
        """Bias, deviation and error over the clip, and what the overlap says."""
        case, now = self.case, self.clipped[self.power]
        pages = 10**self.pages
        refused = _refused(self.temperature, self.weights, self.pages)
        clips = [2.0**power for power in CLIPS]
        switched = [self.risk(each) for each in case.switched]

        def line(name: str, css: str, heights: list[float]) -> Series:
            return Series(name, css, tuple(zip(clips, heights, strict=True)))

        return Markup().join(
            [
                figures(
                    Figure("bias", f"{now.bias:+z.1%}", f"clipped at {2**self.power}", "bias"),
                    Figure("deviation", f"{now.deviation:.1%}", f"{pages:,} pages", "deviation"),
                    Figure("error", f"{now.error:.1%}", "root mean square", "error"),
                    Figure("best clip", f"{2**self.best}", f"error {self.clipped[self.best].error:.1%}", "best"),
                    Figure("largest weight", f"{case.weight.max():,.1f}", "in any log", "largest"),
                    Figure(
                        "effective pages",
                        f"{pages * case.effective_share():,.0f}",
                        f"of {pages:,}",
                        "effective",
                    ),
                    Figure(
                        "a log of this length",
                        "answers" if refused is None else "abstains",
                        "by the rule" if refused is None else refused.reason,
                        "verdict",
                    ),
                ),
                side_by_side(
                    log_chart(
                        "Clipped IPS, share of the true value",
                        "clip",
                        [
                            line("|bias|", "two", [abs(each.bias) for each in self.clipped]),
                            line("deviation", "one", [each.deviation for each in self.clipped]),
                            line("error", "three", [each.error for each in self.clipped]),
                        ],
                        now=2.0**self.power,
                        form=lambda value: f"{value:.0%}",
                    ),
                    log_chart(
                        "Error: clip the weight, or switch to the model",
                        "clip, or threshold",
                        [
                            line("clipped IPS", "three", [each.error for each in self.clipped]),
                            line("Switch", "two", [each.error for each in switched]),
                            line("DR", "faint", [self.risk(case.doubly).error] * len(CLIPS)),
                        ],
                        now=2.0**self.power,
                        form=lambda value: f"{value:.1%}",
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"The page of the first widget, read with strength {ETA:g}; judged is the better order at "
                    f"temperature {TARGET}. Bias and deviation are sums over all 5,760 outcomes; whether a log answers "
                    "is asked of one that was drawn."
                ),
                table(
                    f"All estimators at {pages:,} pages",
                    ("estimator", "bias", "deviation", "error"),
                    [
                        self._row("IPS", self.risk(case.whole)),
                        *(self._row(f"IPS, clipped at {2**k}", self.clipped[k]) for k in CLIPS[::2]),
                        *(self._row(f"Switch at {2**k}", switched[k]) for k in CLIPS[::2]),
                        self._row("DR", self.risk(case.doubly)),
                    ],
                ),
            ]
        )

    @staticmethod
    def _row(name: str, risk: Risk) -> tuple[str, ...]:
        return name, f"{risk.bias:+z.2%}", f"{risk.deviation:.2%}", f"{risk.error:.2%}"


@widget(
    "clip",
    title="Where should the weights be cut?",
    controls=(
        Slider("power", "Clip: 2 to the power of", 0, 9, 1, 3, CLIPS),
        Slider("pages", "Pages of the log: 10 to the power of", 3, 5, 1, 3, (3, 4, 5)),
        Choice("temperature", "The log explores", ("much: temperature 0.4", "some: 0.2", "hardly: 0.1"), 1),
        Choice("weights", "Weights", ("by place", "by the whole list")),
    ),
    guess=Guess(
        "Before you look: a log of 1,000 pages, weights by place, the largest about 26. Which clip gives the smallest "
        "root mean square error?",
        GUESSES,
    ),
)
def clip(engine: Engine, state: State) -> ClipView:  # noqa: ARG001 - the page is planted, the estimators are the engine's
    """Sum over all that can happen."""
    return ClipView(state["power"], state["pages"], state["temperature"], state["weights"])
