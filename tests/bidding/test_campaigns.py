"""Campaigns: durable, validated, and visible to the next request."""

from __future__ import annotations

import msgspec
import pytest
from tests.bidding.markets import campaign

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.campaigns_file import read_campaigns, write_campaigns
from shortlist.bidding.tables import open_market
from shortlist.core.campaign import Campaign, Creative, Keyword, OpenHours
from shortlist.core.errors import DataError, InvalidRequest, NotFound
from shortlist.retrieval.keywords import KeywordIndex


@pytest.fixture
def market(tmp_path):
    engine = open_market(tmp_path / "market.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def store(market):
    return CampaignStore(market, known_items=lambda items: [item in (10, 11, 12) for item in items])


def test_what_was_created_is_read_found_and_still_there_after_a_restart(store, market):
    store.create(campaign(1))
    assert store.get(1) == campaign(1)
    assert len(store.index().match_query("red lamp")) == 1
    again = CampaignStore(market)
    assert again.list() == (campaign(1),)
    assert len(again.index().match_query("red lamp")) == 1


def test_every_change_raises_the_version_and_leaves_older_books_alone(store):
    store.create(campaign(1))
    before = store.book()
    assert store.pause(1).paused
    assert store.version > before.version
    assert not before.campaigns[1].paused
    assert store.get(1).paused
    assert not store.pause(1, paused=False).paused


def test_a_pause_is_durable(store, market):
    store.create(campaign(1))
    store.pause(1)
    assert CampaignStore(market).get(1).paused


def test_a_key_is_taken_once(store):
    store.create(campaign(1))
    with pytest.raises(InvalidRequest, match="there is a campaign 1 already"):
        store.create(campaign(1))


def test_many_are_created_all_or_none(store):
    with pytest.raises(InvalidRequest, match="time zone"):
        store.create_many([campaign(1), campaign(2, timezone="Mars/Olympus")])
    assert store.list() == ()
    assert store.create_many([campaign(1), campaign(2)]) == 2
    assert store.create_many([campaign(1), campaign(2), campaign(3)]) == 1
    with pytest.raises(InvalidRequest, match="same key"):
        store.create_many([campaign(7), campaign(7)])


def test_what_does_not_exist_is_not_found(store):
    for ask in (store.get, store.pause):
        with pytest.raises(NotFound, match="no campaign 9"):
            ask(9)


def word(key, text):
    return Keyword(keyword=key, text=text, match="broad", bid=1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"timezone": "../etc/passwd"}, "no time zone"),
        ({"keywords": (word(1, "a"), word(1, "b"))}, "two keywords have the key 1"),
        ({"keywords": (word(1, "!?"),)}, "no letter or digit"),
        ({"negatives": ("--",)}, "no letter or digit"),
        ({"negatives": ("Lamp",)}, "'lamp' silences the campaign's own keyword 'red lamp'"),
        ({"creatives": (Creative(creative=1, item=99),)}, "no item 99"),
        ({"creatives": (Creative(creative=1, item=10), Creative(creative=1, item=11))}, "two creatives"),
        ({"start_us": 5, "end_us": 5}, "ends before it starts"),
        ({"schedule": (OpenHours(start_hour=22, end_hour=6),)}, "never open"),
        ({"schedule": (OpenHours(weekdays=()),)}, "never open"),
    ],
)
def test_what_does_not_make_sense_is_refused_with_the_field(store, changes, says):
    with pytest.raises(InvalidRequest) as refused:
        store.create(campaign(1, **changes))
    assert says in str(refused.value)
    assert refused.value.fix
    assert f"'{next(iter(changes))}" in refused.value.where or "end_us" in refused.value.where
    assert store.list() == ()


def test_a_market_has_one_currency(store):
    store.create(campaign(1))
    with pytest.raises(InvalidRequest, match="the market trades in EUR"):
        store.create(campaign(2, currency="USD"))
    assert store.book().campaigns[1].currency == "EUR"


def test_a_file_of_campaigns_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "campaigns.json"
    write_campaigns(path, [campaign(1), campaign(2, negatives=("free",))])
    assert read_campaigns(path) == (campaign(1), campaign(2, negatives=("free",)))
    write_campaigns(path, [])
    assert read_campaigns(path) == ()


@pytest.mark.parametrize("content", [b"", b"[{}]", b"\xff\xfe", msgspec.json.encode([{"campaign": -1}])])
def test_a_malformed_file_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "campaigns.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"campaigns\.json"):
        read_campaigns(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_campaigns(tmp_path / "none.json")


@pytest.mark.parametrize("timezone", ["Europe", "America/Argentina", "Europe/Nowhere", "../etc/passwd", "/etc/passwd"])
def test_what_is_no_time_zone_is_refused_by_name(store, timezone):
    with pytest.raises(InvalidRequest, match="there is no time zone"):
        store.create(campaign(1, timezone=timezone))


def test_many_creations_cost_one_compilation_when_somebody_asks(store, monkeypatch):
    compiled = []
    compile_ = KeywordIndex.compile
    monkeypatch.setattr(KeywordIndex, "compile", lambda campaigns: compiled.append(1) or compile_(campaigns))
    for key in range(1, 6):
        store.create(campaign(key))
    assert not compiled
    assert len(store.index().match_query("red lamp")) == 5
    assert store.index() is store.index()
    store.pause(1)
    store.index()
    assert len(compiled) == 1


@pytest.mark.parametrize("field", ["start_us", "end_us"])
@pytest.mark.parametrize("instant", [-1, 10**30, 2**53 + 1])
def test_instants_beyond_reason_are_refused(field, instant):
    sent = msgspec.json.encode(campaign(1)).replace(f'"{field}":null'.encode(), f'"{field}":{instant}'.encode())
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(sent, type=Campaign)
