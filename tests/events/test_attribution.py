"""Conversions are credited by when things happened, at most once each; a plain twin in Python says the same."""

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.clock import HOUR_US
from shortlist.core.errors import SettingsError
from shortlist.events.attribution import (
    ATTRIBUTED_SCHEMA,
    LAST_CLICK,
    AttributionRule,
    attribute_conversions,
    credits_by_place,
)
from shortlist.events.read import EVENTS_SCHEMA, SLOTS_SCHEMA

DAY = 24 * HOUR_US
NO_SLOTS = pl.DataFrame(schema=SLOTS_SCHEMA)
SHORT = AttributionRule(click_window_us=6, view_window_us=3)

_ids = itertools.count()


def event(kind: str, at: int | None, **changes: object) -> dict[str, object]:
    made = {
        "event_id": f"e{next(_ids)}",
        "kind": kind,
        "request_id": "p1",
        "block": "organic",
        "slot": 1,
        "item": 7,
        "event_us": at,
        "received_us": at,
        "user": 5,
        "surface": "feed",
        "release": "r1",
        "served_us": 0,
    }
    return made | changes


def table(*events: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(events, schema=EVENTS_SCHEMA)


def attributed(*events: dict[str, object], rule: AttributionRule = LAST_CLICK) -> dict[str, object]:
    """Of the only conversion."""
    return attribute_conversions(table(*events), NO_SLOTS, rule).row(0, named=True)


def by_hand(events: list[dict[str, object]], rule: AttributionRule) -> dict[str, tuple[str, str] | None]:
    """Kind and id of the event that each conversion is credited to: every pair is looked at."""

    def when(one: dict[str, object]) -> int:
        told = one["received_us"] if one["event_us"] is None else one["event_us"]
        return max(min(told, one["received_us"]), one["served_us"])

    def visitor(one: dict[str, object]) -> tuple[str, object]:
        return ("page", one["request_id"]) if one["user"] is None else ("user", one["user"])

    found: dict[str, tuple[str, str] | None] = {}
    for bought in (one for one in events if one["kind"] == "conversion"):
        for kind, window in (("click", rule.click_window_us), ("impression", rule.view_window_us)):
            near = [
                one
                for one in events
                if window is not None
                and (one["kind"], one["item"], visitor(one)) == (kind, bought["item"], visitor(bought))
                and 0 <= when(bought) - when(one) <= window
            ]
            near.sort(key=lambda one: (one["request_id"], one["block"], one["slot"], one["event_id"]))
            near.sort(key=lambda one: (when(one), one["served_us"]), reverse=True)
            if near:
                found[bought["event_id"]] = (kind, near[0]["event_id"])
                break
        else:
            found[bought["event_id"]] = None
    return found


_PAGES = {"p1": (5, 0), "p2": (5, 2), "p3": (6, 1), "p4": (None, 3)}


@st.composite
def logs(draw: st.DrawFn) -> list[dict[str, object]]:
    """Few users, items and instants, so that ties and borders are common; the clocks of clients may be wrong."""
    events = []
    for number in range(draw(st.integers(1, 60))):
        page = draw(st.sampled_from(sorted(_PAGES)))
        user, served = _PAGES[page]
        arrived = served + draw(st.integers(0, 15))
        events.append(
            event(
                draw(st.sampled_from(["impression", "click", "conversion"])),
                draw(st.none() | st.integers(0, 20)),
                event_id=f"e{number}",
                received_us=arrived,
                request_id=page,
                user=user,
                served_us=served,
                block=draw(st.sampled_from(["organic", "sponsored"])),
                slot=draw(st.integers(1, 2)),
                item=draw(st.integers(7, 9)),
            )
        )
    return events


@pytest.mark.property
@given(logs(), st.sampled_from([SHORT, AttributionRule(click_window_us=4), AttributionRule(100, 100)]), st.randoms())
@settings(max_examples=20, derandomize=True, deadline=None)
def test_each_conversion_is_credited_at_most_once_as_the_twin_says(
    events: list[dict[str, object]], rule: AttributionRule, random: object
) -> None:
    found = attribute_conversions(table(*events), NO_SLOTS, rule)
    expected = by_hand(events, rule)
    assert found.schema == pl.Schema(ATTRIBUTED_SCHEMA)
    assert sorted(found["event_id"]) == sorted(expected), "one row a conversion, and nothing else"
    of = {one["event_id"]: one for one in events}
    for row in found.iter_rows(named=True):
        touch = expected[row["event_id"]]
        if touch is None:
            assert (row["credited"], row["touch_us"], row["request_id"]) == (None, None, None)
            continue
        kind, touched = touch
        assert row["credited"] == {"click": "click", "impression": "view"}[kind]
        assert [row[name] for name in ("request_id", "block", "slot", "item")] == [
            of[touched][name] for name in ("request_id", "block", "slot", "item")
        ]
        window = rule.click_window_us if kind == "click" else rule.view_window_us
        assert 0 <= row["converted_us"] - row["touch_us"] <= window

    shuffled = [*events, *events[:3]]  # what is read twice counts once
    random.shuffle(shuffled)
    assert attribute_conversions(table(*shuffled), NO_SLOTS, rule).equals(found), "the order of arrival is no matter"


def test_the_last_click_wins_though_it_was_told_last_or_first() -> None:
    first = event("click", 10, request_id="p1")
    last = event("click", 20, request_id="p2", received_us=3 * DAY)
    bought = event("conversion", 30)
    for told in itertools.permutations([first, last, bought]):
        assert attributed(*told)["request_id"] == "p2"


@pytest.mark.parametrize(("after", "credited"), [(0, "click"), (7 * DAY, "click"), (7 * DAY + 1, None), (-1, None)])
def test_the_window_holds_its_ends(after: int, credited: str | None) -> None:
    assert attributed(event("click", DAY), event("conversion", DAY + after))["credited"] == credited


def test_a_click_beats_a_later_view_and_views_count_only_if_asked_for() -> None:
    click, view, bought = event("click", 2, slot=1), event("impression", 6, slot=2), event("conversion", 8)
    assert attributed(click, view, bought, rule=SHORT)["slot"] == 1
    assert attributed(view, bought, rule=SHORT)["credited"] == "view"
    assert attributed(view, bought)["credited"] is None
    assert attributed(view, event("conversion", 10), rule=SHORT)["credited"] is None, "the views' own window"


def test_credit_stays_with_the_visitor_and_the_item() -> None:
    bought = event("conversion", 20, request_id="p2")
    assert attributed(event("click", 10, user=6), bought)["credited"] is None
    assert attributed(event("click", 10, item=8), bought)["credited"] is None
    unknown = event("conversion", 20, request_id="p2", user=None)
    assert attributed(event("click", 10, user=None, request_id="p1"), unknown)["credited"] is None
    assert attributed(event("click", 10, user=None, request_id="p2"), unknown)["credited"] == "click"


def test_the_slot_tells_the_campaign_and_places_add_up() -> None:
    slots = pl.DataFrame(
        [{"request_id": "p1", "block": "sponsored", "slot": 1, "campaign": 2**53 + 1}], schema=SLOTS_SCHEMA
    )
    worth = {"value_micros": 1_500_000, "currency": "EUR"}
    events = table(
        event("click", 1, block="sponsored"),
        event("conversion", 2, **worth),
        event("conversion", 3, **worth),
        event("impression", 4, item=8),
        event("conversion", 5, item=8, **worth),
        event("conversion", 5, item=9, **worth),
    )
    found = attribute_conversions(events, slots, AttributionRule(view_window_us=DAY))
    assert found["campaign"].to_list() == [2**53 + 1, 2**53 + 1, None, None]
    assert credits_by_place(found).rows() == [
        ("feed", "organic", None, "EUR", 1, 0, 1, 1_500_000),
        ("feed", "sponsored", 2**53 + 1, "EUR", 2, 2, 0, 3_000_000),
        (None, None, None, "EUR", 1, 0, 0, 1_500_000),
    ]


def test_values_add_up_beyond_64_bits() -> None:
    bought = [event("conversion", n, value_micros=2**62, currency="EUR") for n in (2, 3, 4)]
    found = attribute_conversions(table(event("click", 1), *bought), NO_SLOTS, LAST_CLICK)
    assert credits_by_place(found)["value_micros"].to_list() == [3 * 2**62]


@pytest.mark.parametrize(
    ("windows", "said"), [((0, None), "above 0"), ((5, 0), "above 0"), ((5, 6), "longer than clicks")]
)
def test_windows_that_make_no_sense_are_refused(windows: tuple[int, int | None], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        AttributionRule(*windows)
