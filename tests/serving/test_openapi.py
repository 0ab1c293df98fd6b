"""The API's document is whole, says what is checked, and names every type it uses."""

import json
import re

from tests.serving.conftest import Running


def test_the_document_is_whole_and_exact(server: Running) -> None:
    document = server.http.get("/schema/openapi.json").json()
    schemas = document["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert named <= set(schemas)
    assert {"/v1/feed", "/v1/search", "/v1/events", "/v1/items/{item}", "/v1/health"} <= set(document["paths"])
    assert schemas["FeedRequest"]["properties"]["k"] | {"description": ""} == {
        "type": "integer",
        "minimum": 1,
        "maximum": 200,
        "default": 10,
        "description": "",
    }
    assert schemas["EventsRequest"]["properties"]["events"]["items"] == {"$ref": "#/components/schemas/SentEvent"}
    for operation in (told for methods in document["paths"].values() for told in methods.values()):
        assert operation["description"]
        for status, told in operation["responses"].items():
            if status.startswith("4"):
                assert told["content"]["application/json"]["schema"]["$ref"].endswith("/Answer")
    secured = {
        path for path, methods in document["paths"].items() if any(told.get("security") for told in methods.values())
    }
    of_items = {"/v1/items", "/v1/items/{item}/remove"}
    of_market = {path for path in document["paths"] if path.startswith(("/v1/campaigns", "/v1/releases"))}
    assert secured == of_market | of_items


def test_fields_are_explained(server: Running) -> None:
    schemas = server.http.get("/schema/openapi.json").json()["components"]["schemas"]
    for name in ("SentEvent", "Campaign", "PageAnswer"):
        assert "Attributes" not in schemas[name]["description"]
    told = schemas["SentEvent"]["properties"]
    assert {name for name in ("event_id", "event_us", "token") if told[name].get("description")} == {
        "event_id",
        "event_us",
        "token",
    }
    assert "micros a local day" in server.http.get("/api").text
