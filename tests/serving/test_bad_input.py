"""A client's mistake is a 4xx that says what, where and what to do; the server goes on."""

import json
import socket

import httpx
import pytest
from tests.serving.conftest import Running


def told(answer: httpx.Response) -> dict[str, str]:
    error = answer.json()["error"]
    assert set(error) == {"what", "where", "fix"}
    assert error["what"]
    assert error["fix"]
    assert "Traceback" not in answer.text
    return dict(error)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b'{"user": 1, "k": 3} trailing', "body"),
        (b'{"user": "\xff\xfe"}', "field 'user'"),
        (b"\xff\xfe\x00", "body"),
        (b'{"\xed\xa0\x80": 1}', "body"),
        (b"[" * 100_000, "body"),
        (b'{"user":' * 30_000, "field 'user'"),
        (b'{"k": ' + b"[" * 100_000, "field 'k'"),
        (b'{"other": ' + b"[" * 100_000, "body"),
        (b'{"k": NaN}', "body"),
        (b'{"k": Infinity}', "body"),
        (b'{"k": -3}', "field 'k'"),
        (b'{"k": 0}', "field 'k'"),
        (b'{"k": 201}', "field 'k'"),
        (b'{"k": 3.5}', "field 'k'"),
        (b'{"k": 1e400}', "field 'k'"),
        (b'{"k": "3"}', "field 'k'"),
        (b'{"k": true}', "field 'k'"),
        (b'{"k": null}', "field 'k'"),
        (b'{"user": -1}', "field 'user'"),
        (b'{"user": 9223372036854775808}', "field 'user'"),
        (b'{"user": 1' + b"0" * 5_000 + b"}", "field 'user'"),
        (b'{"user": "1"}', "field 'user'"),
        (b'{"user": {"id": 1}}', "field 'user'"),
        (b'{"users": 1}', "body"),
        (b'{"debug": "yes"}', "field 'debug'"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
def test_feed(server: Running, body: bytes, where: str) -> None:
    answer = server.http.post("/v1/feed", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert told(answer)["where"] == where


@pytest.mark.parametrize("query", ["", " ", "\t\n", "x" * 501, 7, None, ["red"], {"q": 1}], ids=repr)
def test_search(server: Running, query: object) -> None:
    answer = server.http.post("/v1/search", json={"query": query})
    assert answer.status_code == 400
    assert told(answer)["where"] == "field 'query'"


@pytest.mark.parametrize(
    "query", ["\0", "'; drop table pages; --", "x" * 500, "\U0001f525 ключ 鍋", "a\u202eb", "%s %d {}"]
)
def test_odd_queries_are_served(server: Running, query: str) -> None:
    assert server.http.post("/v1/search", json={"query": query}).status_code == 200


@pytest.mark.parametrize("announced", [True, False], ids=["length announced", "chunked"])
def test_a_megabyte_is_refused(server: Running, announced: bool) -> None:
    body = json.dumps({"query": "x" * 1_000_000}).encode()
    content = body if announced else iter([body[:500_000], body[500_000:]])
    answer = server.http.post("/v1/search", content=content)
    assert answer.status_code == 413
    assert told(answer)["fix"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/items/77", 404),
        ("GET", "/v1/items/9223372036854775807", 404),
        ("GET", "/v1/items/9223372036854775808", 400),
        ("GET", "/v1/items/-1", 400),
        ("GET", "/v1/items/kettle", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/feed", 405),
        ("DELETE", "/v1/items/10", 405),
    ],
)
def test_addresses(server: Running, method: str, path: str, status: int) -> None:
    answer = server.http.request(method, path)
    assert answer.status_code == status
    told(answer)


def test_raw_bytes_that_are_no_request_do_not_harm(server: Running) -> None:
    address = (server.http.base_url.host, server.http.base_url.port or 0)
    for raw in (b"\0" * 100, b"GET\r\n\r\n", b"POST /v1/feed HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n"):
        with socket.create_connection(address, timeout=5) as line:
            line.sendall(raw)
            assert b" 500 " not in line.recv(200)
    assert server.http.post("/v1/feed", json={"user": 1, "k": 3}).status_code == 200


def events(server: Running, **changes: object) -> httpx.Response:
    page = server.http.post("/v1/feed", json={"user": 3}).json()
    event = {
        "event_id": f"bad-{page['request_id']}",
        "kind": "click",
        "request_id": page["request_id"],
        "block": "organic",
        "slot": 1,
        "item": page["items"][0]["item"],
    }
    return server.http.post("/v1/events", json={"events": [event | changes]})


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"item": 77}, "events[0].item"),
        ({"slot": 9}, "events[0].slot"),
        ({"request_id": "unknown"}, "events[0].request_id"),
        ({"block": "sponsored"}, "events[0].slot"),
        ({"kind": "swipe"}, "field 'events[0].kind'"),
        ({"slot": 0}, "field 'events[0].slot'"),
        ({"item": 2**63}, "field 'events[0].item'"),
        ({"event_us": 2**63}, "field 'events[0].event_us'"),
        ({"kind": "conversion", "value_micros": 2**53 + 1, "currency": "EUR"}, "field 'events[0].value_micros'"),
        ({"event_us": "now"}, "field 'events[0].event_us'"),
        ({"event_id": ""}, "field 'events[0].event_id'"),
        ({"event_id": "x" * 129}, "field 'events[0].event_id'"),
        ({"currency": "euro"}, "field 'events[0].currency'"),
        ({"surprise": 1}, "field 'events[0]'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_an_event_that_cannot_be_is_refused(server: Running, changes: dict[str, object], where: str) -> None:
    answer = events(server, **changes)
    assert answer.status_code == 400
    assert told(answer)["where"] == where


@pytest.mark.parametrize(
    "body", [{"events": []}, {"events": [{}] * 1_001}, {"events": None}, {}], ids=["none", "1001", "null", "missing"]
)
def test_a_batch_that_cannot_be_is_refused(server: Running, body: object) -> None:
    assert server.http.post("/v1/events", json=body).status_code == 400


@pytest.mark.parametrize(
    "sent", [None, "Bearer wrong", "Bearer", "Basic YTpi", "bearer an admin key for tests", "Bearer é"]
)
@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/campaigns/1", "/v1/releases"])
def test_without_the_admin_key_nothing_is_said(server: Running, path: str, sent: str | None) -> None:
    headers = {} if sent is None else {"authorization": sent.encode()}
    answer = server.http.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "admin key" in told(answer)["what"]


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/campaigns/1/pause", "/v1/releases/r1/activate"])
def test_without_the_admin_key_nothing_is_changed(server: Running, path: str) -> None:
    assert server.http.post(path, content=b"[" * 1_000).status_code == 401


@pytest.mark.parametrize("path", ["/v1/feed", "/v1/search", "/v1/events"])
def test_an_empty_body_is_called_so(server: Running, path: str) -> None:
    answer = server.http.post(path, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert told(answer)["what"] == "the body is empty"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_any_web_page_could_send_unasked_is_refused(server: Running, kind: str) -> None:
    answer = server.http.post("/v1/feed", content=b'{"k": 1}', headers={"content-type": kind, "origin": "http://evil"})
    assert answer.status_code == 415
    assert "application/json" in told(answer)["fix"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "", "localhost.evil.example"])
def test_a_local_server_is_not_known_by_foreign_names(server: Running, host: str) -> None:
    answer = server.http.get("/v1/health", headers={"host": host.encode("latin-1")})
    assert answer.status_code == 421
    assert answer.json()["error"]["where"] == "header 'host'"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_a_local_server_is_known_by_the_names_of_the_loopback(server: Running, host: str) -> None:
    assert server.http.get("/v1/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("body", "cure"),
    [
        (b'{"k": -3}', "send a whole number from 1 to 200"),
        (b'{"k": 201}', "send a whole number from 1 to 200"),
        (b'{"user": "ann"}', "send a whole number from 0 to 9223372036854775807 or null"),
        (b'{"debug": 1}', "send true or false"),
    ],
)
def test_the_cure_is_what_the_field_may_hold(server: Running, body: bytes, cure: str) -> None:
    answer = server.http.post("/v1/feed", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["fix"] == cure
