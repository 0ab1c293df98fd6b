"""Items that a release was not trained with: added and taken out while the server runs, kept over restart and swap."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.serving.conftest import Running, running
from tests.serving.test_bad_input import told
from tests.serving.test_hot_swap import activate
from tests.serving.tiny_server import write_release

from shortlist.features import added_items
from shortlist.features.added_items import AddedItems, NewItem
from shortlist.testing import tiny_items

GREEN = {"item": 77, "title": "Green Teapot", "categories": ["kitchen", "never heard of"], "brand": "Acme"}


def add(server: Running, *items: dict) -> tuple[int, dict]:
    answer = server.http.post("/v1/items", json={"items": list(items)}, headers=server.admin)
    return answer.status_code, answer.json()


def found(server: Running, query: str) -> list[int]:
    page = server.http.post("/v1/search", json={"query": query, "sponsored_slots": 0}).json()
    return [shown["item"] for shown in page.get("items", [])]


def test_an_added_item_is_served_and_outlives_restart_and_swap(own_state: Path) -> None:
    with running(own_state) as server:
        assert found(server, "teapot") == []
        assert server.http.get("/v1/items/77").status_code == 404
        assert add(server, GREEN) == (200, {"added": 1, "beside_the_release": 1})
        assert found(server, "teapot") == [77]
        held = server.http.get("/v1/items/77").json()
        assert (held["title"], held["external_id"], held["release"]) == ("Green Teapot", "77", "r1")
        assert held["released_us"] > 0
        # The same again changes nothing; the same key for another item, or a release's, is refused, whole.
        assert add(server, GREEN) == (200, {"added": 0, "beside_the_release": 1})
        assert add(server, {"item": 78, "title": "Fine"}, GREEN | {"title": "Blue Teapot"})[0] == 400
        assert add(server, {"item": 78, "title": "Fine"}, {"item": 10, "title": "Mine"})[0] == 400
        assert add(server, {"item": 79, "title": "Twice"}, {"item": 79, "title": "Twice"})[0] == 400
        assert found(server, "fine twice") == []
        page = server.http.post("/v1/search", json={"query": "teapot"}).json()
        click = {"event_id": "e", "kind": "click", "request_id": page["request_id"], "block": "organic"}
        event = click | {"slot": 1, "item": 77}
        assert server.http.post("/v1/events", json={"events": [event]}).status_code == 200
    with running(own_state) as server:
        assert found(server, "teapot") == [77]
        write_release(own_state / "releases", "r2", items=tiny_items().head(3))
        assert activate(server, "r2")[0] == 200
        assert found(server, "teapot") == [77]
        assert found(server, "desk") == []
        # A release that was trained with the item has it once, as the release says.
        of_release = tiny_items().with_columns(item=tiny_items()["item"].replace({13: 77}))
        write_release(own_state / "releases", "r3", items=of_release)
        assert activate(server, "r3")[0] == 200
        assert found(server, "teapot") == []
        assert found(server, "desk") == [77]
        assert server.http.post("/v1/items/77/remove", headers=server.admin).json()["beside_the_release"] == 0
        assert found(server, "desk") == [77]
        assert activate(server, "r1")[0] == 200
        assert found(server, "teapot") == []
        assert server.http.post("/v1/items/77/remove", headers=server.admin).status_code == 404


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ({}, "field 'items[0]'"),
        ({"item": 90}, "field 'items[0]'"),
        ({"title": "No key"}, "field 'items[0]'"),
        ({"item": -1, "title": "x"}, "field 'items[0].item'"),
        ({"item": 2**63, "title": "x"}, "field 'items[0].item'"),
        ({"item": "90", "title": "x"}, "field 'items[0].item'"),
        ({"item": 90, "title": " "}, "field 'items[0].title'"),
        ({"item": 90, "title": "x" * 1_001}, "field 'items[0].title'"),
        ({"item": 90, "title": "x", "categories": ["c"] * 51}, "field 'items[0].categories'"),
        ({"item": 90, "title": "x", "categories": [""]}, "field 'items[0].categories[0]'"),
        ({"item": 90, "title": "x", "categories": "drama"}, "field 'items[0].categories'"),
        ({"item": 90, "title": "x", "price_micros": -1}, "field 'items[0].price_micros'"),
        ({"item": 90, "title": "x", "released_us": 1.5}, "field 'items[0].released_us'"),
        ({"item": 90, "title": "x", "colour": "red"}, "field 'items[0]'"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_what_is_no_item_is_refused(server: Running, item: dict, where: str) -> None:
    answer = server.http.post("/v1/items", json={"items": [item]}, headers=server.admin)
    assert answer.status_code == 400
    assert told(answer)["where"] == where


def test_nothing_and_too_much_at_once_are_refused(server: Running) -> None:
    for items in ([], [{"item": n, "title": "x"} for n in range(1_001)]):
        answer = server.http.post("/v1/items", json={"items": items}, headers=server.admin)
        assert answer.status_code == 400
        assert told(answer)["where"] == "field 'items'"


def test_items_need_the_admin_key(server: Running) -> None:
    assert server.http.post("/v1/items", json={"items": [GREEN]}).status_code == 401
    assert server.http.post("/v1/items/10/remove").status_code == 401
    assert server.http.post("/v1/items/10/remove", headers=server.admin).status_code == 404


def test_what_stands_beside_a_release_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added_items, "ADDED_AT_MOST", 2)
    items = AddedItems.open(tmp_path)
    items.add([NewItem(item=1, title="a"), NewItem(item=2, title="b")], 5)
    with pytest.raises(added_items.InvalidRequest, match="train a release"):
        items.add([NewItem(item=3, title="c")], 6)
    assert items.table()["item"].to_list() == [1, 2]
    assert items.table()["released_us"].to_list() == [5, 5]
    items.close()
