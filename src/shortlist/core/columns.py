"""The columns that stages add to candidates: a name, a type, a unit and a meaning, written down once.

A stage asks for ``candidates[P_LIKE]``, never for a string; a column that no stage has added yet is an error that
names it. Units: *probability* is in [0, 1], *micros* are millionths of the campaign's currency, scores have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

__all__ = [
    "ADDED_SCORE",
    "AUCTION_SCORE",
    "BID",
    "CAMPAIGN",
    "CREATIVE",
    "KEYWORD",
    "LITTLE_KNOWN",
    "MATCH_TYPE",
    "PRICE",
    "P_CLICK_1",
    "P_CLICK_1_RAW",
    "P_LIKE",
    "P_LIKE_RAW",
    "QUALITY",
    "RANK_SCORE",
    "RELEVANCE",
    "RESERVE",
    "RETRIEVAL_SCORE",
    "ROW",
    "SELECTION_PROPENSITY",
    "SLOT",
    "SLOT_EFFECT",
    "Column",
]

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A typed column of a batch of candidates.

    Attributes:
        name: the name it has in traces and logs.
        dtype: the NumPy type of its values.
        unit: "probability", "micros", "id", "slot", "flag" or "score".
        meaning: one line.
    """

    name: str
    dtype: type[T]
    unit: str
    meaning: str


ROW = Column("row", np.int64, "id", "row of the item in the active release's vocabulary; 0 is unknown; never leaves")

RETRIEVAL_SCORE = Column(
    "retrieval_score", np.float64, "score", "reciprocal rank fusion over the sources that found the item"
)
LITTLE_KNOWN = Column("little_known", np.int8, "flag", "1 where few have met the item; exploration is among these")
P_LIKE_RAW = Column("p_like_raw", np.float64, "probability", "the ranker's output before calibration")
P_LIKE = Column(
    "p_like", np.float64, "probability", "calibrated chance of a positive; the release says of what; prices nothing"
)
RELEVANCE = Column("relevance", np.float64, "score", "match of a query and an item, in [0, 1]")
RANK_SCORE = Column("rank_score", np.float64, "score", "what the re-ranker starts from; higher is better")
ADDED_SCORE = Column(
    "added_score", np.float64, "score", "the re-ranker's marginal score of the shown item, diversity included"
)
SLOT = Column("slot", np.int64, "slot", "1-based place in its block of the page")
SELECTION_PROPENSITY = Column(
    "selection_propensity",
    np.float64,
    "probability",
    "P(item at this slot | context, candidate set, slots above) under the logging policy",
)

CAMPAIGN = Column("campaign", np.int64, "id", "catalogue key of the campaign")
CREATIVE = Column("creative", np.int64, "id", "catalogue key of the creative within the campaign")
KEYWORD = Column("keyword", np.int64, "id", "catalogue key of the keyword within the campaign")
MATCH_TYPE = Column("match_type", np.int8, "id", "how the keyword met the query: 1 exact, 2 phrase, 3 broad")
BID = Column("bid", np.int64, "micros", "bid for one click")
RESERVE = Column("reserve", np.int64, "micros", "the least a click may cost")
P_CLICK_1_RAW = Column("p_click_1_raw", np.float64, "probability", "p_click_1 before calibration")
P_CLICK_1 = Column("p_click_1", np.float64, "probability", "P(click | shown at the reference slot 1)")
QUALITY = Column("quality", np.float64, "score", "the weight that turns a bid into an auction score")
AUCTION_SCORE = Column("auction_score", np.float64, "micros", "quality times bid: micros an impression at slot 1")
SLOT_EFFECT = Column("slot_effect", np.float64, "probability", "alpha of the slot, 1 at the reference slot")
PRICE = Column("price", np.int64, "micros", "what a click costs if it comes")
