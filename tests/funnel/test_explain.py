"""Traces keep ids and money as the integers that they are, and say which block a candidate stood for."""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.candidates import Candidates
from shortlist.core.columns import BID, CAMPAIGN, P_CLICK_1, ROW, SLOT
from shortlist.funnel.explain import explain

ID = 2**53 + 1
"""The first integer that a float cannot hold."""


def test_ids_beyond_floats_stay_what_they_are():
    found = Candidates.found("keywords", np.array([0, 2]), np.array([7, 8]), np.array([0.5, 0.4]))
    ads = found.with_columns(
        {
            CAMPAIGN: np.array([ID, ID + 2]),
            BID: np.array([ID, 5]),
            P_CLICK_1: np.array([0.25, np.nan]),
            ROW: np.array([1, 2]),
        }
    )
    shown = ads.keep(np.array([True, False])).with_columns({SLOT: np.array([1])})
    first, second = explain(ads, shown, [])
    assert first.values == {"campaign": ID, "bid": ID, "p_click_1": 0.25, "slot": 1}
    assert second.values == {"campaign": ID + 2, "bid": 5}
    assert (first.block, first.slot, second.block, second.slot) == ("sponsored", 1, "sponsored", 0)
    assert str(ID) in msgspec.json.encode(first).decode()


def test_candidates_without_a_campaign_are_organic():
    found = Candidates.found("popular", np.array([0, 1]), np.array([7]), np.array([0.5]))
    (row,) = explain(found, found, [])
    assert (row.block, row.slot) == ("organic", 1)
