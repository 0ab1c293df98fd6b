"""A click on an ad through the console's form, in a real server: the slot says who pays."""

from __future__ import annotations

import re

import pytest
from tests.serving.conftest import new_state, running
from tests.serving.test_api import LAMPS, spent

KEYWORD = LAMPS["keywords"][0]
ALSO_LAMPS = LAMPS | {"campaign": 3, "keywords": [KEYWORD | {"keyword": 2, "bid": 500_000}]}


@pytest.fixture
def server(tmp_path):
    with running(new_state(tmp_path / "state")) as server:
        for campaign in (LAMPS, ALSO_LAMPS):
            assert server.http.post("/v1/campaigns", json=campaign, headers=server.admin).status_code == 201
        yield server


def sponsored_forms(server):
    text = server.http.get("/search?q=lamp").text
    forms = [
        dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        for form in re.findall(r"<form.*?</form>", text, re.DOTALL)
    ]
    return [form for form in forms if form.get("sponsored")]


def test_of_two_ads_for_one_item_the_clicked_one_pays(server):
    first, second = sponsored_forms(server)
    assert first["item"] == second["item"] == "12"
    assert (first["slot"], second["slot"]) == ("1", "2")
    assert server.http.post("/react", data=second).status_code == 303
    assert spent(server, 2) == (0, 0)
    assert spent(server, 3) == (50_000, 0), "the last ad on the page pays the reserve"
    assert server.http.post("/react", data=first).status_code == 303
    assert spent(server, 2) == (500_000, 0), "the first pays what keeps it above the second"


def test_a_slot_that_showed_something_else_is_refused(server):
    first, _ = sponsored_forms(server)
    for wrong in ({"slot": "3"}, {"item": "13"}):
        answer = server.http.post("/react", data=first | wrong)
        assert answer.status_code == 404
        assert "did not show item" in answer.text
    assert server.http.post("/react", data=first | {"slot": "0"}).status_code == 400
    assert spent(server, 2) == (0, 0)
