"""Widget: how strong the bias is, and what each way to read the log makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Float64
from shortlist.evaluation.off_policy.estimate import lift
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.evaluation.off_policy.specification import SpecificationTest, reading_test
from shortlist.funnel.engine import Engine
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.position_bias.methods import METHODS, estimates
from shortlist.lessons.position_bias.readers import READERS
from shortlist.lessons.position_bias.small_page import (
    ATTRACTION,
    OLD_ORDER,
    PLACES,
    Exact,
    Outcomes,
    by_rank,
    exact_lift,
    outcomes,
)
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["CHALLENGERS", "LOGGED", "PAGES", "STRENGTHS", "TEMPERATURE", "StrengthView", "strength"]

STRENGTHS = tuple(range(0, 201, 25))
"""η, in percent."""
TEMPERATURE, FALSE_TEMPERATURE = 0.2, 0.3
PAGES = 10_000
CHALLENGERS = ("the better order: A to F", "the order of the log's click rates", "the old order, reversed")
LOGGED = ("are right", f"are those of temperature {FALSE_TEMPERATURE}, not {TEMPERATURE}")
GUESSES = {"1": "the gain as it is", "0.5": "half of it", "0.15": "a sixth of it", "-0.15": "a loss"}
"""What naive says, over the truth."""


class _Case:
    """One strength, reader, challenger and log, with what all methods say of it over all logs."""

    def __init__(self, eta: int, reader: int, challenger: int, logged: int) -> None:
        self.page: Outcomes = outcomes(READERS[reader], eta / 100.0, TEMPERATURE)
        self.score = _score(self.page, challenger)
        self.target = ListPolicy.softmax(self.score, temperature=TEMPERATURE, places=PLACES)
        temperature = FALSE_TEMPERATURE if logged else TEMPERATURE
        self.logged = ListPolicy.softmax(by_rank(OLD_ORDER), temperature=temperature, places=PLACES)
        said = estimates(self.page, self.score, self.target, self.logged)
        self.exact: dict[str, Exact] = {
            key: exact_lift(each.target, each.served, self.page.chance) for key, each in said.items()
        }
        self.true = self.page.true_value(self.target) / self.page.true_value(self.page.served) - 1.0


@lru_cache(maxsize=256)
def _case(eta: int, reader: int, challenger: int, logged: int) -> _Case:
    return _Case(eta, reader, challenger, logged)


def _score(page: Outcomes, challenger: int) -> Float64:
    orders = (
        tuple(range(len(ATTRACTION))),
        tuple(np.argsort(-page.click_rate, kind="stable").tolist()),
        OLD_ORDER[::-1],
    )
    return by_rank(orders[challenger])


@dataclass(frozen=True)
class StrengthView:
    """One state; the attributes are the controls' values."""

    eta: int
    reader: int
    challenger: int
    logged: int

    @cached_property
    def case(self) -> _Case:
        """What is shown."""
        return _case(self.eta, self.reader, self.challenger, self.logged)

    @cached_property
    def log(self) -> tuple[list[tuple[str, ...]], SpecificationTest]:
        """What one log of 10,000 pages says, a row a method, and the test of its reading."""
        case, page = self.case, self.case.page
        rows = page.draw(PAGES, np.random.default_rng(0))
        said = estimates(page, case.score, case.target, case.logged, rows)
        told: list[tuple[str, ...]] = []
        for key, each in said.items():
            name = METHODS[key]
            if each.refused is not None:
                told.append((name, "abstains", each.refused.reason))
                continue
            found = lift(each.target, each.served).interval()
            between = (
                f"{found.low:+z.1%} to {found.high:+z.1%}" if key != "direct" else "none: blind to its model's error"
            )
            told.append((name, f"{found.estimate:+z.1%}", between))
        q = page.predicted[np.arange(PLACES), page.shown[rows]]
        return told, reading_test(page.click[rows], q)

    def answer(self) -> str:
        """Of readers who look at place r with chance 1/r, and the better order."""
        case = _case(100, 0, 0, 0)
        return (
            f"The better order truly earns {case.true:+.1%}. The log's click rates say "
            f"{case.exact['naive'].mean:+.1%}: what the old ranker put low was seldom looked at, and looks bad."
        )

    def right_guess(self) -> str:
        """The nearest."""
        case = _case(100, 0, 0, 0)
        return min(GUESSES, key=lambda option: abs(float(option) - case.exact["naive"].mean / case.true))

    def html(self) -> Markup:
        """The lifts, over the strength and method by method, and one log."""
        case = self.case
        told, reading = self.log
        return Markup().join(
            [
                figures(
                    Figure("true lift", f"{case.true:+z.1%}", "clicks a page", "true"),
                    *(
                        Figure(
                            METHODS[key],
                            f"{each.mean:+z.1%}",
                            f"± {1.96 * each.error(PAGES):.1%} a log" if key != "direct" else "all logs",
                            key,
                        )
                        for key, each in case.exact.items()
                    ),
                    Figure(
                        "test of reading",
                        f"{reading.z:+z.1f}",
                        "standard errors: doubt" if reading.rejected else "standard errors: no doubt",
                        "reading",
                    ),
                ),
                side_by_side(self._over_strength(), self._by_method()),
                Markup('<p class="small muted">{}</p>').format(
                    "Six items, four places, 5,760 things that can happen on a page: each figure is the mean over all "
                    f"of them by their chances, and ± is 1.96 standard errors of a log of {PAGES:,} pages. "
                    "The old policy ranks C, A, E, B, F, D and draws each slot by a softmax."
                ),
                table(
                    f"What one log of {PAGES:,} pages says",
                    ("method", "lift", "95% interval, or why it abstains"),
                    told,
                ),
            ]
        )

    def _over_strength(self) -> Markup:
        cases = [_case(eta, self.reader, self.challenger, self.logged) for eta in STRENGTHS]
        x = [eta / 100.0 for eta in STRENGTHS]
        lines = {"truth": [case.true for case in cases]}
        lines |= {
            name: [case.exact[key].mean for case in cases]
            for name, key in (("naive", "naive"), ("IPS", "ips"), ("DR", "dr"))
        }
        heights = [0.0, *(height for line in lines.values() for height in line)]
        css = dict(zip(lines, ("faint", "two", "one", "three"), strict=True))
        return chart(
            Panel("Lift, the mean over all logs", "strength of the bias", (0.0, 2.0), (min(heights), max(heights)),
                  tuple((at, f"{at:g}") for at in (0.0, 0.5, 1.0, 1.5, 2.0))),
            [Series(name, css[name], tuple(zip(x, line, strict=True))) for name, line in lines.items()],
            now=self.eta / 100.0,
            percent=True,
        )  # fmt: skip

    def _by_method(self) -> Markup:
        case = self.case
        values = (case.true, *(each.mean for each in case.exact.values()))
        return bars(
            f"Lift at strength {self.eta / 100.0:g}",
            ("truth", *METHODS.values()),
            [Bars("mean over all logs", "one", values)],
            form=lambda value: f"{value:+z.1%}",
        )


@widget(
    "strength",
    title="How strong is the bias, and who sees through it?",
    controls=(
        Slider("eta", "Strength, in percent", 0, 200, 25, 100, STRENGTHS[::2]),
        Choice("reader", "People", tuple(reader.name for reader in READERS)),
        Choice("challenger", "We judge", CHALLENGERS),
        Choice("logged", "The logged propensities", LOGGED),
    ),
    guess=Guess(
        "Before you look: people look at place r with chance 1/r. A new policy ranks the six items better than the old "
        "one. What does each item's click rate in the old log, wherever it stood, say of the gain?",
        GUESSES,
    ),
)
def strength(engine: Engine, state: State) -> StrengthView:  # noqa: ARG001 - the page is planted, the estimators are the engine's
    """List all that can happen, and ask the estimators."""
    return StrengthView(state["eta"], state["reader"], state["challenger"], state["logged"])
