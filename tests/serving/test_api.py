"""The API from the outside: pages, events, money, campaigns, releases."""

import re
import sqlite3
import time
from pathlib import Path

import polars as pl
import pytest
from tests.serving.conftest import Running, running

from shortlist.events.database import open_database
from shortlist.events.read import read_events, read_scored, read_slots
from shortlist.events.tables import LOG

LAMPS = {
    "campaign": 2,
    "name": "Lamps",
    "currency": "EUR",
    "timezone": "Europe/Madrid",
    "daily_budget": 900_000,
    "keywords": [{"keyword": 1, "text": "lamp", "match": "broad", "bid": 600_000}],
    "creatives": [{"creative": 1, "item": 12}],
}


def feed(server: Running, **request: object) -> dict:
    answer = server.http.post("/v1/feed", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def search(server: Running, query: str, **request: object) -> dict:
    answer = server.http.post("/v1/search", json={"query": query} | request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def event(page: dict, event_id: str, shown: dict, *, kind: str = "click", **more: object) -> dict:
    block = "sponsored" if "token" in shown else "organic"
    token = {"token": shown["token"]} if kind == "click" and block == "sponsored" else {}
    return {
        "event_id": event_id,
        "kind": kind,
        "request_id": page["request_id"],
        "block": block,
        "slot": shown["slot"],
        "item": shown["item"],
        **token,
        **more,
    }


def send(server: Running, *events: dict, status: int = 200) -> dict:
    answer = server.http.post("/v1/events", json={"events": events})
    assert answer.status_code == status, answer.text
    return answer.json()


def spent(server: Running, campaign: int) -> tuple[int, int]:
    told = server.http.get(f"/v1/campaigns/{campaign}", headers=server.admin).json()
    return told["settled_today"], told["given_away_today"]


def table(server: Running, read) -> pl.DataFrame:
    engine = open_database(server.state / "events.sqlite", LOG)
    try:
        return read(engine)
    finally:
        engine.dispose()


def logged(server: Running, request_id: str, read=read_slots) -> pl.DataFrame:
    """The log is written after the answer has left."""
    for _ in range(200):
        found = table(server, read).filter(pl.col("request_id") == request_id)
        if len(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"page {request_id} is not in the log")


def test_a_page_is_answered_and_logged_with_its_propensities(server: Running) -> None:
    page = feed(server, user=1, k=2)
    assert page["known_user"]
    assert page["release"] == "r1"
    assert 11 not in {shown["item"] for shown in page["items"]}, "user 1 has met item 11"
    slots = logged(server, page["request_id"])
    assert slots["item"].to_list() == [shown["item"] for shown in page["items"]]
    assert slots["selection_propensity"].to_list() == [shown["selection_propensity"] for shown in page["items"]]
    assert set(slots["draw_key"]) == {page["policy"]["draw_key"]}
    assert 1 not in set(slots["user"]), "a pseudonym"
    scored = logged(server, page["request_id"], read_scored)
    assert set(page["items"][0]["sources"]) == {"popular"}
    assert set(scored["item"]) >= set(slots["item"])


def test_unknown_users_are_served_cold(server: Running) -> None:
    for user in (None, 9, 123_456, 2**63 - 1):
        page = feed(server, user=user)
        assert not page["known_user"]
        assert page["items"]


def test_traces_come_with_debug_only(server: Running) -> None:
    assert "traces" not in feed(server, user=1)
    trace = feed(server, user=1, debug=True)["traces"][0]
    assert [span["name"] for span in trace["spans"]][-1] == "mmr"
    assert trace["candidates"]


def test_a_click_changes_the_next_page_and_an_impression_does_not(server: Running) -> None:
    page = feed(server, user=501, k=4)
    shown = {row["item"]: row for row in page["items"]}
    assert send(server, event(page, "i-501", shown[10], kind="impression")) == {"accepted": 1, "duplicates": 0}
    assert 10 in {row["item"] for row in feed(server, user=501, k=4)["items"]}
    assert send(server, event(page, "c-501", shown[10])) == {"accepted": 1, "duplicates": 0}
    after = feed(server, user=501, k=4)
    assert 10 not in {row["item"] for row in after["items"]}
    assert after["known_user"]


def test_events_are_idempotent_and_conflicts_are_told(server: Running) -> None:
    page = feed(server, user=502, k=4)
    first, second = page["items"][:2]
    assert send(server, event(page, "e-1", first), event(page, "e-2", second, kind="impression")) == {
        "accepted": 2,
        "duplicates": 0,
    }
    assert send(server, event(page, "e-1", first), event(page, "e-3", second)) == {"accepted": 1, "duplicates": 1}
    error = send(server, event(page, "e-4", first), event(page, "e-1", first, kind="conversion"), status=409)["error"]
    assert error["where"] == "events[1]"
    assert "kind" in error["what"]
    held = table(server, read_events).filter(pl.col("request_id") == page["request_id"])
    assert held["event_id"].to_list() == ["e-1", "e-2", "e-3"], "a refused batch leaves nothing"
    assert (held["received_us"] > 0).all()
    assert held["event_us"].null_count() == 3


def test_a_query_that_no_ad_bids_on_misses_nothing(server: Running) -> None:
    page = search(server, "red kettle", sponsored_slots=3)
    assert "ads" not in page
    assert "degradations" not in page


def test_items(server: Running) -> None:
    item = server.http.get("/v1/items/13").json()
    assert (item["title"], item["categories"], item["price_micros"]) == ("Desk Lamp", ["light", "office"], 30_000_000)


def test_losing_ads_are_told_of_to_the_admin_only(own_state: Path) -> None:
    with running(own_state) as server:
        for campaign, bid in ((2, 900_000), (3, 700_000), (4, 10)):
            body = LAMPS | {"campaign": campaign, "keywords": [LAMPS["keywords"][0] | {"bid": bid}]}
            assert server.http.post("/v1/campaigns", json=body, headers=server.admin).status_code == 201
        asked = {"query": "lamp", "sponsored_slots": 1, "debug": True}
        told = {}
        for who, headers in (("anybody", {}), ("stranger", {"authorization": "Bearer wrong"}), ("admin", server.admin)):
            answer = server.http.post("/v1/search", json=asked, headers=headers).json()
            assert [ad["campaign"] for ad in answer["ads"]] == [2]
            organic, sponsored = answer["traces"]
            assert organic["candidates"]
            told[who] = {row["values"]["campaign"] for row in sponsored["candidates"]}
            (shown,) = [row for row in sponsored["candidates"] if row.get("slot")]
            assert {"p_click_1", "auction_score", "price"} <= shown["values"].keys(), "from score to price"
            assert sponsored["spans"][0]["n_out"] == 3, "how many took part is no secret"
        assert told == {"anybody": {2}, "stranger": {2}, "admin": {2, 3, 4}}


def test_campaigns_money_and_restart(own_state: Path) -> None:
    with running(own_state) as server:
        created = server.http.post("/v1/campaigns", json=LAMPS, headers=server.admin)
        assert created.status_code == 201, created.text
        assert server.http.post("/v1/campaigns", json=LAMPS, headers=server.admin).status_code == 400
        unknown = LAMPS | {"campaign": 3, "creatives": [{"creative": 1, "item": 77}]}
        assert server.http.post("/v1/campaigns", json=unknown, headers=server.admin).status_code == 400
        listed = server.http.get("/v1/campaigns", headers=server.admin).json()["campaigns"]
        assert [one["campaign"] for one in listed] == [2]

        page = search(server, "red lamp")
        (ad,) = page["ads"]
        assert (ad["item"], ad["campaign"], ad["price"], ad["currency"]) == (12, 2, 50_000, "EUR"), "alone: the reserve"
        assert logged(server, page["request_id"]).filter(pl.col("block") == "sponsored")["price"].to_list() == [50_000]

        send(server, event(page, "ad-i", ad, kind="impression"))
        assert spent(server, 2) == (0, 0)
        send(server, event(page, "ad-1", ad))
        send(server, event(page, "ad-1", ad), event(page, "ad-2", ad))
        assert spent(server, 2) == (50_000, 0), "one impression is charged once, whatever its events are called"

        other = search(server, "lamp")
        foreign = event(other, "ad-3", other["ads"][0]) | {"token": ad["token"]}
        assert "another ad" in send(server, foreign, status=400)["error"]["what"]
        assert send(server, foreign | {"token": ""}, status=400)["error"]["where"] == "events[0].token"
        forged = foreign | {"token": ad["token"][:-4] + "AAAA"}
        assert "not issued" in send(server, forged, status=400)["error"]["what"]
        assert spent(server, 2) == (50_000, 0)

        assert server.http.post("/v1/campaigns/2/pause", headers=server.admin).json()["paused"]
        assert "ads" not in search(server, "lamp")
        assert server.http.post("/v1/campaigns/2/resume", headers=server.admin).status_code == 200
        assert server.http.post("/v1/campaigns/9/pause", headers=server.admin).status_code == 404
        clicked = feed(server, user=600, k=4)
        send(server, event(clicked, "u-600", clicked["items"][0]))
        unpaid = search(server, "desk lamp")
        send(server, event(unpaid, "ad-9", unpaid["ads"][0]))
        assert spent(server, 2) == (100_000, 0)

    # What a crash between the log and the ledger leaves: the click is in the log, the charge is not.
    with sqlite3.connect(own_state / "market.sqlite") as market:
        market.execute("delete from charges where impression = ?", (f"{unpaid['request_id']}/1",))
        market.execute("update spend set settled = settled - 50000")
    market.close()

    with running(own_state) as server:
        assert spent(server, 2) == (100_000, 0), "charged at the start, and only what was missing"
        assert feed(server, user=600)["known_user"], "clicks extend histories over a restart"
        send(server, event(unpaid, "ad-9", unpaid["ads"][0]))
        late = event(page, "ad-late", page["ads"][0], kind="conversion", value_micros=9, currency="EUR", event_us=1)
        assert send(server, late) == {"accepted": 1, "duplicates": 0}, "a page of before the restart"
        assert spent(server, 2) == (100_000, 0)


def test_what_may_be_loaded(server: Running) -> None:
    for path in ("/v1/health", "/schema/openapi.json", "/api", "/", "/lessons", "/v1/nothing"):
        answer = server.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert not re.search(r"https?:|\*|unsafe|data:", policy), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_the_apis_page_loads_nothing_from_elsewhere(server: Running) -> None:
    page = server.http.get("/api")
    assert page.status_code == 200
    for path in ("/v1/feed", "/v1/search", "/v1/events", "/v1/items/{item}", "/v1/campaigns", "/v1/health"):
        assert path in page.text
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", page.text)
    assert "<script>" not in page.text
    for linked in re.findall(r"""(?:src|href)=["']([^"'#]+)""", page.text):
        assert server.http.get("/" + linked.removeprefix("./")).status_code == 200, linked


def test_health(server: Running) -> None:
    health = server.http.get("/v1/health").json()
    assert (health["status"], health["release"], health["log_failures"]) == ("ok", "r1", 0)


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/releases"])
def test_the_admin_key_opens(server: Running, path: str) -> None:
    assert server.http.get(path, headers=server.admin).status_code == 200
