"""Challengers: policies that want to replace the one that serves, made of features and of an older log of its lists.

Most are small steps, for that is what a team tries every week and what is hard to tell apart. Some have learned, from
the older log. The rest are there to catch an estimator: they rank by what a log rewards without deserving it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.training.list_log import ListLog, PolicyTable
from shortlist.training.position_clicks import fit_position_clicks

__all__ = ["CHALLENGERS", "CONTROL", "Challenger", "challenger_policies"]

CONTROL = "control"
_WEIGHTS = {"popularity": 0.2, "affinity": 0.4, "quality": 0.4, "thumbnail": 0.1, "age_days": -0.2}
"""What serves: a sum of standardised features."""
_STEP = 0.1
_BLEND = 0.1
_PRIOR = 5.0


@dataclass(frozen=True, slots=True)
class Challenger:
    """One of them.

    Attributes:
        name: for reports.
        kind: "near", "learned" or "trap".
        step: what it adds to the control's weights.
        warmth: factor on the control's temperature.
        alone: what it ranks by instead; a feature, or something read off the older log.
        share: how much of ``alone`` it takes; 1 forgets the control.
    """

    name: str
    kind: str
    step: tuple[tuple[str, float], ...] = ()
    warmth: float = 1.0
    alone: str = ""
    share: float = 1.0


def _near() -> tuple[Challenger, ...]:
    found = [
        Challenger(f"{word} {name.removesuffix('_days')}", "near", step=((name, sign * _STEP),))
        for name in _WEIGHTS
        for word, sign in (("more", 1.0), ("less", -1.0))
    ]
    found += [
        Challenger(f"{up} for {down}", "near", step=((up, _STEP), (down, -_STEP)))
        for up, down in (
            ("affinity", "quality"),
            ("quality", "affinity"),
            ("thumbnail", "affinity"),
            ("thumbnail", "quality"),
        )
    ]
    return (*found, Challenger("cooler", "near", warmth=0.9), Challenger("warmer", "near", warmth=1.1))


CHALLENGERS = (
    *_near(),
    Challenger("click model, a tenth", "learned", alone="click model", share=_BLEND),
    Challenger("click model alone", "learned", alone="click model"),
    Challenger("click rate alone", "trap", alone="click rate"),
    Challenger("what stood on top", "trap", alone="stood on top"),
    Challenger("popularity alone", "trap", alone="popularity"),
    Challenger("thumbnail alone", "trap", alone="thumbnail"),
    Challenger("newest first", "trap", alone="newness"),
    Challenger("worst first", "trap", alone="badness"),
)
"""Named before any log is seen; "click rate" and "stood on top" take an old log's places for merit."""


def challenger_policies(
    features: Mapping[str, Float64], item: Int64, *, temperature: float, older: ListLog | None = None
) -> PolicyTable:
    """The control, and where there is an older log of it, all challengers after it.

    Args:
        features: float64 ``(G, n)`` by name, all that ``CONTROL`` weighs.
        item: int64 ``(G, n)``, keys, rising within a context.
        temperature: of the control's slot softmax.
        older: lists that the control served before.
    """
    of = {name: _standardised(features[name]) for name in _WEIGHTS}
    control = _sum(of, _WEIGHTS)
    if older is None:
        return PolicyTable((CONTROL,), np.array([temperature]), item, control[None])
    of |= {"newness": -of["age_days"], "badness": -control} | _learned(older, item.shape)
    spread = control.std()
    scores, warmths = [control], [1.0]
    for one in CHALLENGERS:
        stepped = control + _sum(of, dict(one.step))
        other = spread * _standardised(of[one.alone]) if one.alone else stepped
        scores.append(other if one.share == 1.0 and one.alone else stepped + one.share * (other - stepped))
        warmths.append(one.warmth)
    names = (CONTROL, *(one.name for one in CHALLENGERS))
    return PolicyTable(names, temperature * np.array(warmths), item, np.stack(scores))


def _learned(log: ListLog, shape: tuple[int, ...]) -> dict[str, Float64]:
    contexts, candidates = shape
    pair = (log.context[:, None] * candidates + log.shown).ravel()
    place = np.broadcast_to(np.arange(log.shown.shape[1], dtype=np.float64), log.shown.shape).ravel()
    shown = np.bincount(pair, minlength=contexts * candidates)

    def mean(value: Float64) -> Float64:
        total = np.bincount(pair, value, contexts * candidates) + _PRIOR * value.mean()
        return np.asarray(total / (shown + _PRIOR), dtype=np.float64).reshape(contexts, candidates)

    return {
        "click model": np.log(fit_position_clicks(log, contexts=contexts, candidates=candidates).attraction),
        "click rate": np.log(mean(log.click.ravel().astype(np.float64))),
        "stood on top": -mean(place),
    }


def _sum(of: Mapping[str, Float64], weights: Mapping[str, float]) -> Float64:
    return np.asarray(sum(w * of[name] for name, w in weights.items()), dtype=np.float64)


def _standardised(values: Float64) -> Float64:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / (spread if spread > 0.0 else 1.0), dtype=np.float64)
