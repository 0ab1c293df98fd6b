"""Widget: whom to show something to: who clicks, who would click at the top, or whose mind it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget
from shortlist.training.uplift import CLICK, CLICK_AT_1, EFFECTS, METHODS

__all__ = ["FIFTHS", "SHARES", "RankedUsers", "WhomSheet", "WhomView", "whom"]

SHARES = tuple(range(10, 101, 10))
"""Percent of users that it is shown to."""
FIFTHS = 5
GUESSES = {"0": "no more than a lottery would", "0.5": "half of the best", "0.9": "nearly the best"}
GUESSED = 30
THOUSAND = 1000.0


class RankedUsers(msgspec.Struct, frozen=True, kw_only=True):
    """What a ranking of fresh users truly brings.

    Attributes:
        gain: conversions a user that showing it to the first adds, by share (``SHARES``).
        put_off: share of those shown whose chance of buying it lowers, likewise.
        effect: mean effect of each fifth of the users, the first in the ranking first.
    """

    gain: tuple[float, ...]
    put_off: tuple[float, ...]
    effect: tuple[float, ...]


class WhomSheet(Sheet, frozen=True, kw_only=True):
    """A simulated promotion whose coin is known.

    Attributes:
        users: of the log, half of them learned from.
        fresh: users that the rankings are tried on.
        average: true effect of showing it, a user.
        rankings: in the order of ``training.uplift.METHODS``.
        qini: of each, on the judged half of the log, in conversions a user.
        best: by the true effect.
    """

    name: ClassVar[str] = "position-whom"
    users: int
    fresh: int
    average: float
    rankings: tuple[RankedUsers, ...]
    qini: tuple[float, ...]
    best: RankedUsers


@dataclass(frozen=True)
class WhomView:
    """One ranking, by its number, and one share in percent."""

    sheet: WhomSheet
    by: int
    share: int

    @property
    def ranking(self) -> RankedUsers:
        """The one that is shown."""
        return self.sheet.rankings[self.by]

    def lot(self, share: int) -> float:
        """Gain of showing it by lot."""
        return self.sheet.average * share / 100.0

    def answer(self) -> str:
        """Of three in ten, by the chance of a click."""
        at = SHARES.index(GUESSED)
        rankings = dict(zip(METHODS, self.sheet.rankings, strict=True))
        click, effect = rankings[CLICK].gain[at], rankings[EFFECTS[-1]].gain[at]
        return (
            f"{click * THOUSAND:.1f} conversions per 1,000 users, where a lottery brings "
            f"{self.lot(GUESSED) * THOUSAND:.1f}, the DR-learner {effect * THOUSAND:.1f} and the best choice "
            f"{self.sheet.best.gain[at] * THOUSAND:.1f}. Who clicks would mostly have bought anyway."
        )

    def right_guess(self) -> str:
        """The nearest, on the way from the lottery to the best."""
        at = SHARES.index(GUESSED)
        lot = self.lot(GUESSED)
        way = (self.sheet.rankings[METHODS.index(CLICK)].gain[at] - lot) / (self.sheet.best.gain[at] - lot)
        return min(GUESSES, key=lambda option: abs(float(option) - way))

    def html(self) -> Markup:
        """What each ranking brings over the share that is shown it, and whom it puts first."""
        sheet, at = self.sheet, SHARES.index(self.share)
        own = self.ranking
        gains = {
            "this ranking": own.gain,
            "best": sheet.best.gain,
            CLICK: sheet.rankings[METHODS.index(CLICK)].gain,
            "lottery": tuple(self.lot(share) for share in SHARES),
        }
        css = dict(zip(gains, ("one", "three", "two", "faint"), strict=True))
        heights = [0.0, *(THOUSAND * gain for line in gains.values() for gain in line)]
        lines = [
            Series(
                name,
                css[name],
                tuple((float(share), THOUSAND * gain) for share, gain in zip(SHARES, line, strict=True)),
            )
            for name, line in gains.items()
        ]
        return Markup().join(
            [
                figures(
                    Figure("gain", f"{own.gain[at] * THOUSAND:.1f}", "conversions per 1,000 users", "gain"),
                    Figure("lottery", f"{self.lot(self.share) * THOUSAND:.1f}", "as many shown", "lot"),
                    Figure("best", f"{sheet.best.gain[at] * THOUSAND:.1f}", "by the true effect", "best"),
                    Figure("put off", f"{own.put_off[at]:.0%}", "of those shown buy less", "put-off"),
                    Figure("Qini", f"{sheet.qini[self.by] * THOUSAND:.1f}", "per 1,000, on the log", "qini"),
                ),
                side_by_side(
                    chart(
                        Panel(
                            "True gain per 1,000 users",
                            "percent of users shown",
                            (float(SHARES[0]), float(SHARES[-1])),
                            (min(heights), max(heights)),
                            tuple((float(share), str(share)) for share in SHARES[::3]),
                        ),
                        lines,
                        now=float(self.share),
                    ),
                    bars(
                        "True effect by fifths of the ranking",
                        ("first fifth", "second", "third", "fourth", "last fifth"),
                        [
                            Bars("this ranking", "one", own.effect),
                            Bars("best", "faint", sheet.best.effect),
                        ],
                        form=lambda value: f"{value:+z.1%}",
                        left=78.0,
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"A simulated promotion: a coin decided who of {sheet.users:,} users was shown it, the old ranker "
                    f"where it stood. Half of them were learned from. Gains and effects are true ones, of "
                    f"{sheet.fresh:,} fresh users."
                ),
                table(
                    f"All rankings, shown to {self.share}%",
                    ("by", "gain per 1,000", "put off", "Qini per 1,000"),
                    [
                        (
                            name,
                            f"{one.gain[at] * THOUSAND:.1f}",
                            f"{one.put_off[at]:.0%}",
                            f"{qini * THOUSAND:.1f}",
                        )
                        for name, one, qini in zip(METHODS, sheet.rankings, sheet.qini, strict=True)
                    ],
                ),
            ]
        )


_sheet = SheetReader(WhomSheet)


@widget(
    "whom",
    title="Whom should it be shown to?",
    controls=(
        Choice("by", "Ranked by", METHODS, METHODS.index(CLICK_AT_1)),
        Slider("share", "Shown to, percent of users", SHARES[0], SHARES[-1], 10, GUESSED, SHARES),
    ),
    guess=Guess(
        f"Before you look: a promotion is shown to the {GUESSED}% of users most likely to click it. How many more "
        "conversions does that bring, between a lottery and the best choice?",
        GUESSES,
    ),
)
def whom(engine: Engine, state: State) -> WhomView:
    """Look one ranking and share up."""
    return WhomView(_sheet(engine), state["by"], state["share"])
