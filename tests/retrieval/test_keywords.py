"""Keyword matching against its definition, written as plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.campaign import Campaign, Creative, Keyword
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, MATCH_TYPE
from shortlist.core.request import Request, RequestBatch
from shortlist.features.text import words
from shortlist.retrieval.keywords import KeywordIndex, KeywordSource

VOCABULARY = ["red", "blue", "desk", "lamp", "kettle"]
TEXTS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)


def campaign(key, keywords, *, negatives=(), items=(10,)):
    return Campaign(
        campaign=key,
        name=f"campaign {key}",
        currency="EUR",
        timezone="UTC",
        daily_budget=1_000_000,
        keywords=tuple(
            Keyword(keyword=n, text=text, match=match, bid=bid) for n, (text, match, bid) in enumerate(keywords)
        ),
        creatives=tuple(Creative(creative=n, item=item) for n, item in enumerate(items)),
        negatives=negatives,
    )


def retrieve(campaigns, *queries):
    index = KeywordIndex.compile(campaigns)
    batch = RequestBatch.of(*(Request(f"r{n}", k=1, at_us=0, query=query) for n, query in enumerate(queries)))
    return KeywordSource(lambda: index).retrieve(batch)


def found(campaigns, query):
    index = KeywordIndex.compile(campaigns)
    met = index.match_query(query)
    return sorted(zip(index.campaign_keys[index.campaign[met]].tolist(), index.keyword[met].tolist(), strict=True))


def holds(query, phrase):
    return any(query[at : at + len(phrase)] == phrase for at in range(len(query) - len(phrase) + 1))


def by_definition(campaigns, query):
    asked = words(query)
    met = []
    for c in campaigns:
        if any(holds(asked, words(negative)) for negative in c.negatives):
            continue
        for k in c.keywords:
            text = words(k.text)
            is_met = {
                "exact": asked == text,
                "phrase": holds(asked, text),
                "broad": set(text) <= set(asked),
            }[k.match]
            if is_met:
                met.append((c.campaign, k.keyword))
    return sorted(met)


@pytest.mark.property
@settings(derandomize=True, max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(TEXTS, st.sampled_from(["exact", "phrase", "broad"])), min_size=1, max_size=4),
            st.lists(TEXTS, max_size=1),
        ),
        max_size=5,
    ),
    st.lists(st.sampled_from([*VOCABULARY, "other"]), max_size=6).map(" ".join),
)
def test_a_query_meets_what_the_definition_says(market, query):
    campaigns = [
        campaign(key, [(text, match, 100) for text, match in keywords], negatives=tuple(negatives))
        for key, (keywords, negatives) in enumerate(market)
    ]
    assert found(campaigns, query) == by_definition(campaigns, query)


def test_the_three_match_types():
    market = [campaign(1, [("desk lamp", "exact", 3), ("desk lamp", "phrase", 2), ("desk lamp", "broad", 1)])]
    assert retrieve(market, "desk lamp")[MATCH_TYPE].tolist() == [1, 2, 3]
    assert retrieve(market, "red desk lamp")[MATCH_TYPE].tolist() == [2, 3]
    assert retrieve(market, "lamp for my desk")[MATCH_TYPE].tolist() == [3]
    assert len(retrieve(market, "desk")) == 0


def test_case_accents_and_punctuation_do_not_matter():
    market = [campaign(1, [("Café-Crème", "exact", 1)])]
    assert found(market, "  cafe  CREME! ") == [(1, 0)]


def test_a_negative_silences_the_campaign_alone():
    market = [
        campaign(1, [("lamp", "broad", 1)], negatives=("desk lamp",)),
        campaign(2, [("lamp", "broad", 1)]),
    ]
    assert found(market, "blue desk lamp") == [(2, 0)]
    assert found(market, "lamp desk") == [(1, 0), (2, 0)]


def test_rows_are_a_keyword_and_a_creative_each_the_highest_bid_first():
    market = [campaign(5, [("lamp", "broad", 10), ("red lamp", "exact", 30)], items=(70, 71))]
    rows = retrieve(market, "red lamp")
    assert rows[BID].tolist() == [30, 30, 10, 10]
    assert rows.item.tolist() == [70, 71, 70, 71]
    assert rows[CREATIVE].tolist() == [0, 1, 0, 1]
    assert rows[CAMPAIGN].tolist() == [5] * 4


def test_the_highest_bid_stands_for_the_keywords_of_one_match_type():
    keywords = [("lamp", "broad", 10), ("red", "broad", 30), ("red lamp", "broad", 30), ("red lamp", "exact", 5)]
    rows = retrieve([campaign(5, keywords, items=(70, 71))], "red lamp")
    got = [rows[column].tolist() for column in (KEYWORD, MATCH_TYPE, BID, CREATIVE)]
    assert got == [[1, 1, 3, 3], [3, 3, 1, 1], [30, 30, 5, 5], [0, 1, 0, 1]]


def test_no_campaign_s_rows_depend_on_another():
    quiet = campaign(1, [("lamp", "broad", 1)])
    loud = campaign(2, [(f"lamp{' ' * n}", "broad", 900 + n) for n in range(50)], items=tuple(range(100)))
    rows = retrieve([quiet, loud], "lamp")
    assert (rows[CAMPAIGN] == 1).sum() == 1
    assert (rows[CAMPAIGN] == 2).sum() == 100


@pytest.mark.parametrize("filler", [30, 31, 32, 200])
def test_every_word_of_a_long_query_counts(filler):
    market = [campaign(1, [("tv", "broad", 1)], negatives=("for free",)), campaign(2, [("tv", "phrase", 1)])]
    assert found(market, "tv " + "a " * filler + "for free") == [(2, 0)]
    exact = [campaign(3, [("b " * 32, "exact", 1)])]
    assert found(exact, "b " * 32) == [(3, 0)]
    assert found(exact, "b " * 33) == []


def test_a_batch_is_as_many_single_requests():
    market = [campaign(n, [("lamp", "broad", n + 1), ("red", "phrase", 5)]) for n in range(4)]
    queries = ["lamp", "", "red lamp", "nothing", "lamp"]
    together = retrieve(market, *queries)
    for number, query in enumerate(queries):
        alone = retrieve(market, query)
        part = together.rows_of(number)
        assert together[KEYWORD][part].tolist() == alone[KEYWORD].tolist()
        assert together[CAMPAIGN][part].tolist() == alone[CAMPAIGN].tolist()
    assert len(np.unique(together.key)) == len(together)


@pytest.mark.parametrize("query", ["", "   ", "!!!", "lamp " * 50_000, "\u0000", "🙂"])
def test_odd_queries_are_answered(query):
    assert len(retrieve([campaign(1, [("kettle", "broad", 1)])], query)) == 0


def test_an_empty_market_is_answered():
    rows = retrieve([], "lamp")
    assert len(rows) == 0
    assert rows[BID].dtype == np.int64


def test_a_look_up_touches_the_keywords_of_its_words_alone():
    """Of 100,000 keywords, a query reads only those that share their rarest word with it."""
    market = [campaign(key, [(f"lamp word{key}x{n}", "broad", 100) for n in range(1000)]) for key in range(100)]
    index = KeywordIndex.compile(market)
    assert len(index) == 100_000
    assert max(len(posted) for posted in index.broad.values()) == 1
    assert index.match_query("a lamp of word7x13").tolist() == [7 * 1000 + 13]
