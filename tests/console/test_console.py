"""The console's pages over a small engine: what they say, what they refuse, and where their links lead."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from litestar.testing import TestClient
from tests.pages.serve import Holder, application
from tests.pages.world import World

from shortlist.console.explain import story_of
from shortlist.console.items import cover_of, facts_line, simulated_note, value_text
from shortlist.console.trace_view import funnel_view, matching_items
from shortlist.core.columns import P_LIKE_RAW
from shortlist.features.history import HistoryStore
from shortlist.funnel.runner import Stage
from shortlist.ranking.contributions import Contribution
from shortlist.releases.manifest import Probability


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world")).build()


@pytest.fixture(scope="module")
def client(world):
    with TestClient(application(Holder(world))) as client:
        yield client


def test_fields_that_nobody_filled_in_have_their_defaults(client, world):
    found = client.get("/search?q=comedy&user=&k=")
    assert found.status_code == 200
    assert world.recent(1)[0].user is None
    assert client.get("/?user=&k=3").text.count('class="card"') == 3
    assert client.get("/search?q=comedy&user=me").status_code == 400


def test_a_feed_shows_every_slot_with_its_propensity_and_its_sources(client, world):
    text = client.get("/?user=3&k=7").text
    page = world.recent(1)[0]
    assert text.count('class="card"') == len(page.items) == 7
    for shown in page.items:
        assert world.catalogue.title(shown.item) in text
        assert f"<b>{shown.selection_propensity:.3f}</b>" in text
    assert f'href="trace/{page.request_id}"' in text


def test_ads_are_labelled_as_simulated_and_priced(client, world):
    text = client.get("/search?q=harbour").text
    page = world.recent(1)[0]
    assert page.ads
    assert "Simulated campaigns, simulated clicks" in text
    for ad in page.ads:
        assert value_text("price", ad.price, "EUR") in text
        assert ad.price <= ad.bid


@pytest.mark.parametrize(
    ("campaigns", "clicks", "says"),
    [
        ((True, True), True, "Simulated campaigns, simulated clicks"),
        ((True, False), True, "Some campaigns are simulated, simulated clicks"),
        ((False, False), True, "Simulated clicks"),
        ((False, False), False, ""),
    ],
)
def test_only_what_is_simulated_is_called_so(campaigns, clicks, says):
    model = Probability(of="P(click | slot 1)", simulated=clicks)
    release = SimpleNamespace(manifest=SimpleNamespace(facts=SimpleNamespace(probabilities={"p_click_1": model})))
    page = SimpleNamespace(ads=[SimpleNamespace(simulated=each) for each in campaigns])
    assert simulated_note(page, release) == says


def test_a_query_of_which_no_word_is_known_is_told_so(client):
    assert "holds a word of" not in client.get("/search?q=harbour").text
    assert "No title, brand or category holds a word of “harbuor”" in client.get("/search?q=harbuor").text


def test_the_trace_tells_of_both_funnels_of_a_search(client, world):
    client.get("/search?q=harbour")
    page = world.recent(1)[0]
    text = client.get(f"/trace/{page.request_id}").text
    for trace in page.traces:
        for span in trace.spans:
            assert span.name.replace("_", " ") in text
    assert "no budget left today" in text
    assert "lessons/01-the-funnel" in text


def test_why_not_names_the_filter_the_rank_or_that_nobody_found_it(client, world):
    page = world.feed(user=4, k=5)
    rows = page.traces[0].candidates
    dropped = next(row for row in rows if row.dropped_by)
    missed = next(row for row in rows if not row.slot and not row.dropped_by)
    unfound = next(int(item) for item in world.catalogue.item[1:] if item not in {row.item for row in rows})
    base = f"/trace/{page.request_id}?why="
    assert f"dropped it: {dropped.reason}" in client.get(f"{base}{dropped.item}").text
    assert "the lowest on the page has" in client.get(f"{base}{missed.item}").text
    assert "Found by no source" in client.get(f"{base}{unfound}").text
    assert "No item of the catalogue" in client.get(f"{base}zzzz").text


def test_a_scorer_that_cannot_explain_itself_is_said_to_and_one_that_can_is_a_table(client, world, monkeypatch):
    page = world.feed(user=4, k=5)
    item = page.items[0].item
    address = f"/trace/{page.request_id}?why={item}"
    ranker = world.feed_funnel.scorers[0].component
    plain = replace(world.feed_funnel, scorers=(Stage(SimpleNamespace(name="plain", score=ranker.score), 10.0),))
    with monkeypatch.context() as other:
        other.setattr(world.feed_product, "funnel", plain)
        assert "cannot be shown: this score cannot be taken apart" in client.get(address).text

    def contributions(self, batch, pair):
        p = self.score(batch, pair)[P_LIKE_RAW]
        difference = float(np.log(p / (1 - p)) @ [1, -1])
        small = [Contribution(f"small_{n}", "", "", "", -difference / 20, 0.0) for n in range(20)]
        return (Contribution("near_last", "how near", "1", "0", 2 * difference, 0.01), *small)

    monkeypatch.setattr(type(ranker), "contributions", contributions)
    text = client.get(address).text
    assert "near last" in text
    assert "11 others" in text
    shown = [float(cell) for cell in re.findall(r'<td class="num">([+-][\d.]+)<svg', text)]
    assert len(shown) == 11
    said = float(re.search(r"difference of the log odds, ([+-]\d+\.\d+)", text)[1])
    assert sum(shown) == pytest.approx(said, abs=0.01)
    assert "standard errors up to 0.010" in text


def test_a_story_quotes_the_place_among_all_that_were_scored(world):
    trace = world.feed(user=4, k=5).traces[0]
    scored = [row for row in trace.candidates if not row.dropped_by]
    best = max(scored, key=lambda row: row.values["rank_score"])
    assert f"is no. 1 of {len(scored)}" in story_of(best, trace, "t").why


def test_the_view_holds_every_candidate_once(world):
    page = world.feed(user=4, k=5)
    view = funnel_view(page.traces[0], page, world.catalogue)
    dropped = sum(group.count for group in view.dropped)
    assert len(view.shown) == 5
    assert view.n_scored + dropped == len(page.traces[0].candidates)


def test_a_click_reaches_the_history_and_comes_back_to_the_page(client, world):
    page = world.feed(user=6, k=5)
    item = page.items[0].item
    form = {"request_id": page.request_id, "slot": 1, "item": item, "user": 6, "k": 5}
    answer = client.post("/react", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "./?user=6&k=5")
    assert world.history.before([6], [page.served_us])[0][0][-1] == item


def test_a_click_from_another_site_is_refused(client, world):
    page = world.feed(user=6, k=5)
    before = len(world.clicks)
    form = {"request_id": page.request_id, "slot": 1, "item": page.items[0].item}
    answer = client.post("/react", data=form, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert len(world.clicks) == before


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/trace/nothing", 404, "There is no page"),
        ("/?k=0", 400, "What to do"),
        ("/?k=many", 400, "What to do"),
        ("/?user=-1", 400, "What to do"),
        ("/search?q=" + "x" * 501, 400, "What to do"),
        ("/lessons/99-nothing", 404, "There is no lesson"),
        ("/lessons/widgets/nothing", 404, "There is no widget"),
        ("/lessons/widgets/kept?kept.n=15", 400, "steps of 10"),
        ("/lessons/widgets/kept?kept.n=-10", 400, "steps of 10"),
        ("/lessons/widgets/budget?budget.visitor=9", 400, "0 to 1"),
        ("/lessons/widgets/kept?kept.guess=7", 400, "one of"),
        ("/code/../../../etc/passwd.py", 404, ""),
        ("/code/%2e%2e/%2e%2e/tests/pages/world.py", 404, "no source file"),
        ("/code/pages/static/site.css", 404, "no source file"),
    ],
)
def test_a_readers_mistake_is_answered_with_a_page(client, path, status, words):
    answer = client.get(path)
    assert answer.status_code == status
    assert words in answer.text
    assert "Traceback" not in answer.text


def test_what_a_reader_typed_is_escaped(client):
    text = client.get("/search", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in text


def test_addresses_are_relative_and_the_policy_allows_nothing_from_elsewhere(client, world):
    request_id = world.feed(user=1, k=3).request_id
    for path, root in (("/", ""), ("/search", ""), (f"/trace/{request_id}", "../"), ("/code/core/page.py", "../../")):
        answer = client.get(path)
        links = re.findall(r'(?:href|src|action)="([^"]*)"', answer.text)
        assert links
        assert not [link for link in links if link.startswith(("/", "http"))]
        assert f'href="{root}static/site.css' in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"<[^>]+ (style|on[a-z]+)=", answer.text)


def test_static_files_are_served_with_their_licence(client):
    for name in ("site.css", "theme.js", "widget.js", "react.js", "icon.svg", "fonts/inter.woff2", "fonts/LICENSE.txt"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert "max-age=31536000" in answer.headers["cache-control"]


def test_items_that_a_release_does_not_know_are_still_drawn(world):
    assert facts_line(999_999, world.catalogue) == "not in the active release"
    assert cover_of(999_999, world.catalogue).initials == "?"


def test_titles_and_keys_both_find_an_item(world):
    item = int(world.catalogue.item[5])
    assert item in matching_items(world.catalogue.title(item).upper(), world.catalogue)
    assert matching_items(str(item), world.catalogue)[0] == item
    assert matching_items("  ", world.catalogue) == ()


def test_a_catalogue_without_users_leads_to_the_search_page(tmp_path):
    world = World(tmp_path).build()
    world.engine.history = HistoryStore()
    with TestClient(application(Holder(world))) as client:
        answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "search")
