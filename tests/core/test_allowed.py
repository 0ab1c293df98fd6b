"""What a field may hold is told in words, from the very type that refuses it."""

from __future__ import annotations

import msgspec
import pytest

from shortlist.core.allowed import allowed
from shortlist.core.campaign import Campaign
from shortlist.core.settings import Settings
from shortlist.serving.schemas import EventsRequest, FeedRequest, SearchRequest


@pytest.mark.parametrize(
    ("kind", "path", "says"),
    [
        (FeedRequest, "k", "a whole number from 1 to 200"),
        (FeedRequest, "user", "a whole number from 0 to 9223372036854775807 or null"),
        (FeedRequest, "debug", "true or false"),
        (SearchRequest, "query", "text of 1 to 500 characters"),
        (EventsRequest, "events[...].kind", "one of 'click', 'conversion', 'impression'"),
        (EventsRequest, "events", "a list of 1 to 1000"),
        (Campaign, "keywords[...].match", "one of 'broad', 'exact', 'phrase'"),
        (Settings, "feed.temperature", "a number of at least 0.0"),
        (Settings, "feed.deadline_ms", "a number above 0"),
        (Settings, "feed.diversity", "a number from 0.0 to 1.0"),
        (FeedRequest, "nothing.like[...].this", ""),
    ],
)
def test_the_words_are_those_of_the_type(kind, path, says):
    assert allowed(kind, path) == says


def test_a_value_that_the_words_allow_is_taken_and_one_beyond_is_not():
    assert msgspec.json.decode(b'{"k": 200}', type=FeedRequest).k == 200
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"k": 201}', type=FeedRequest)
