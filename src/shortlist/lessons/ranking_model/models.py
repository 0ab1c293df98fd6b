"""Widget: five rankers beside each other on the release's own log, with ids alone and with counts and rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, State, widget

__all__ = ["CANDIDATES", "FEATURES", "MODELS", "ModelFigures", "ModelsSheet", "ModelsView", "models"]

MODELS = ("LR", "GBDT", "DLRM", "DCN-v2", "MaskNet")
FEATURES = ("ids", "numbers")
WORDS = ("ids and categories alone", "with counts and rates made by hand")
SETS = (("ids alone", "faint", "ids"), ("with counts and rates", "one", "numbers"))
CANDIDATES = 500
CHANCE = 0.5
GUESSES = {"model": "the model", "features": "the features", "even": "about the same"}
_EVEN = 1.5
"""Two gains are about the same up to this ratio."""


class ModelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a model came to on later events.

    Attributes:
        auc: over all of them.
        log_loss: in nats, not calibrated.
        gain: of log-loss over logistic regression with the same features.
        gain_low: of its 95% interval by user.
        gain_high: likewise.
        parameters: numbers that were learned.
        ms: of one processor for ``CANDIDATES`` candidates of one request, the median; nets on torch, trees on the
            package's kernel.
    """

    auc: float
    log_loss: float
    gain: float
    gain_low: float
    gain_high: float
    parameters: int
    ms: float


class ModelsSheet(Sheet, frozen=True, kw_only=True):
    """All models on the same events of the release's log, split by time.

    Attributes:
        learned: events that were learned from.
        judged: later events that the figures are over.
        users: of these.
        unknown: share of the judged events whose user was not met before.
        share: of likes among them.
        models: by name, then by set of features.
    """

    name: ClassVar[str] = "ranking-models"
    learned: int
    judged: int
    users: int
    unknown: float
    share: float
    models: dict[str, dict[str, ModelFigures]]

    def aucs(self, features: str) -> Mapping[str, float]:
        """By model."""
        return {name: self.models[name][features].auc for name in MODELS}


@dataclass(frozen=True, slots=True)
class ModelsView:
    """One model with one set of features, beside the others."""

    sheet: ModelsSheet
    model: str
    features: int

    @property
    def now(self) -> ModelFigures:
        """The figures of the model that was chosen."""
        return self.sheet.models[self.model][FEATURES[self.features]]

    @property
    def by_features(self) -> float:
        """What counts and rates add to the AUC, mean over models."""
        plain, full = (self.sheet.aucs(features) for features in FEATURES)
        return sum(full[name] - plain[name] for name in MODELS) / len(MODELS)

    @property
    def by_model(self) -> float:
        """What the best model has over logistic regression, both with everything."""
        full = self.sheet.aucs(FEATURES[-1])
        return max(full.values()) - full["LR"]

    def answer(self) -> str:
        """Both gains."""
        full = self.sheet.aucs(FEATURES[-1])
        best = max(full, key=lambda name: full[name])
        return (
            f"Counts and rates add {self.by_features:+.3f} to the AUC, mean over the five models. The best model with "
            f"them, {best}, has {self.by_model:+.3f} over logistic regression."
        )

    def right_guess(self) -> str:
        """The larger gain, or neither."""
        if self.by_features > _EVEN * self.by_model:
            return "features"
        return "model" if self.by_model > _EVEN * max(self.by_features, 0.0) else "even"

    def html(self) -> Markup:
        """The chosen model's figures, all AUCs, and all figures."""
        sheet, now, features = self.sheet, self.now, FEATURES[self.features]
        groups = [
            Bars(words, css, tuple(sheet.models[name][which].auc - CHANCE for name in MODELS))
            for words, css, which in SETS
        ]
        return Markup().join(
            [
                figures(
                    Figure("AUC", f"{now.auc:.3f}", f"{self.model}, later events", "auc"),
                    Figure("log-loss", f"{now.log_loss:.3f}", "nats", "log-loss"),
                    Figure(
                        "less than LR's", f"{now.gain:+z.3f}", f"{now.gain_low:+z.3f} to {now.gain_high:+z.3f}", "gain"
                    ),
                    Figure("time", f"{now.ms:.2f}", f"ms for {CANDIDATES} candidates", "ms"),
                    Figure("parameters", f"{now.parameters:,}", "learned", "parameters"),
                ),
                side_by_side(
                    bars("AUC above chance", MODELS, groups, form=lambda value: f"{value:+z.3f}"),
                    bars(
                        "Log-loss less than LR's with the same features",
                        MODELS[1:],
                        [
                            Bars(words, css, tuple(sheet.models[name][which].gain for name in MODELS[1:]))
                            for words, css, which in SETS
                        ],
                        form=lambda value: f"{value:+z.3f}",
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"Learned from {sheet.learned:,} events of the release's log, judged on the {sheet.judged:,} "
                    f"latest, of {sheet.users} users: was it liked ({sheet.share:.0%} were)? Of these events "
                    f"{sheet.unknown:.0%} are of users who were not met before, for whom there is no embedding. "
                    "Intervals: 95%, whole users drawn again. Times: of one processor when the sheet was made, nets on "
                    "torch and trees on the package's kernel."
                ),
                table(
                    f"All models, {WORDS[self.features]}",
                    ("model", "AUC", "log-loss", "less than LR's", "from", "to", "ms", "parameters"),
                    [self._row(name, sheet.models[name][features]) for name in MODELS],
                ),
            ]
        )

    @staticmethod
    def _row(name: str, one: ModelFigures) -> tuple[str, ...]:
        return (
            name, f"{one.auc:.3f}", f"{one.log_loss:.3f}", f"{one.gain:+z.3f}", f"{one.gain_low:+z.3f}",
            f"{one.gain_high:+z.3f}", f"{one.ms:.2f}", f"{one.parameters:,}",
        )  # fmt: skip


_sheet = SheetReader(ModelsSheet)


@widget(
    "models",
    title="What wins more: another model, or another feature?",
    controls=(Choice("model", "The model", MODELS), Choice("features", "It reads", WORDS, 1)),
    guess=Guess(
        "Before you look: films that people rated, and the question whether they liked them. What adds more to the "
        "AUC: the best of five models in place of logistic regression, or counts and rates made by hand?",
        GUESSES,
    ),
)
def models(engine: Engine, state: State) -> ModelsView:
    """Look one model and one set of features up."""
    return ModelsView(_sheet(engine), MODELS[state["model"]], state["features"])
