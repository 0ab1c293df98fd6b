"""Ads by keyword: exact, phrase and broad match with negatives, over an immutable compiled index.

A query is split into words as every text is (``features.text.words``). A look-up costs a dictionary probe for each
run of words in the query with which a keyword or negative may begin, plus the broad keywords that share their rarest
word with it: the number of keywords in the market does not enter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shortlist.core.arrays import Array, Int64, Ragged
from shortlist.core.campaign import MATCH_CODES, Campaign
from shortlist.core.candidates import Candidates
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, MATCH_TYPE, Column
from shortlist.core.request import RequestBatch
from shortlist.features.text import words

__all__ = ["KeywordIndex", "KeywordSource"]


_NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class KeywordIndex:
    """The keywords and negatives of a market, compiled; made by ``compile`` and never changed.

    A *phrase* is its words joined by one space. Keywords are numbered ``0 .. M - 1``, campaigns by their place.

    Attributes:
        exact: keywords by phrase.
        phrase: keywords by phrase.
        broad: keywords by the rarest of their words.
        negative: places of campaigns by phrase.
        word_ids: numbers the words of broad keywords.
        needed: for each keyword, the different words that a broad one needs (empty for others).
        campaign: int64 ``(M,)``, the place of a keyword's campaign.
        keyword: int64 ``(M,)``, key within the campaign.
        match: int64 ``(M,)``, 1 exact, 2 phrase, 3 broad.
        bid: int64 ``(M,)`` micros a click.
        campaign_keys: int64 ``(C,)``.
        creatives: for each campaign, the keys of its creatives.
        items: for each campaign, the items of its creatives.
        lengths: by first word, how many words the phrases and negatives that begin with it have.
    """

    exact: dict[str, Int64]
    phrase: dict[str, Int64]
    broad: dict[str, Int64]
    negative: dict[str, Int64]
    word_ids: dict[str, int]
    needed: Ragged
    campaign: Int64
    keyword: Int64
    match: Int64
    bid: Int64
    campaign_keys: Int64
    creatives: Ragged
    items: Ragged
    lengths: dict[str, tuple[int, ...]]

    @classmethod
    def compile(cls, campaigns: Iterable[Campaign]) -> KeywordIndex:
        """An index over all keywords of these campaigns, whether or not they may run now.

        A keyword or negative without a letter or digit matches nothing.
        """
        ordered = sorted(campaigns, key=lambda campaign: campaign.campaign)
        keywords = [
            (place, keyword, tuple(words(keyword.text)))
            for place, campaign in enumerate(ordered)
            for keyword in campaign.keywords
        ]
        by_match: dict[str, defaultdict[str, list[int]]] = {match: defaultdict(list) for match in MATCH_CODES}
        broad_words = [tuple(dict.fromkeys(text)) if k.match == "broad" else () for _, k, text in keywords]
        frequency = Counter(word for text in broad_words for word in text)
        for number, (_, keyword, text) in enumerate(keywords):
            if text:
                entry = min(text, key=lambda word: (frequency[word], word)) if keyword.match == "broad" else _join(text)
                by_match[keyword.match][entry].append(number)
        negative: defaultdict[str, list[int]] = defaultdict(list)
        for place, campaign in enumerate(ordered):
            for unwanted in {_join(words(unwanted)) for unwanted in campaign.negatives} - {""}:
                negative[unwanted].append(place)
        word_ids = {word: number for number, word in enumerate(frequency)}
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for run in (*by_match["phrase"], *negative):
            first, *rest = run.split(" ")
            lengths[first].add(1 + len(rest))
        return cls(
            exact=_frozen(by_match["exact"]),
            phrase=_frozen(by_match["phrase"]),
            broad=_frozen(by_match["broad"]),
            negative=_frozen(negative),
            word_ids=word_ids,
            needed=Ragged.from_lists([[word_ids[word] for word in text] for text in broad_words]),
            campaign=np.array([place for place, _, _ in keywords], dtype=np.int64),
            keyword=np.array([keyword.keyword for _, keyword, _ in keywords], dtype=np.int64),
            match=np.array([MATCH_CODES[keyword.match] for _, keyword, _ in keywords], dtype=np.int64),
            bid=np.array([keyword.bid for _, keyword, _ in keywords], dtype=np.int64),
            campaign_keys=np.array([campaign.campaign for campaign in ordered], dtype=np.int64),
            creatives=Ragged.from_lists([[c.creative for c in campaign.creatives] for campaign in ordered]),
            items=Ragged.from_lists([[c.item for c in campaign.creatives] for campaign in ordered]),
            lengths={first: tuple(sorted(held)) for first, held in lengths.items()},
        )

    def __len__(self) -> int:
        """Keywords."""
        return len(self.keyword)

    def match_query(self, query: str) -> Int64:
        """The keywords that a query meets, negatives heeded: numbers, int64 ``(n,)``, each once, rising.

        All words of the query count: a negative silences its campaign wherever in the query it stands.
        """
        text = words(query)
        if not text:
            return _NOTHING
        runs = {
            _join(text[start : start + length])
            for start, first in enumerate(text)
            for length in self.lengths.get(first, ())
            if start + length <= len(text)
        }
        found = [self.exact.get(_join(text), _NOTHING)]
        found += [self.phrase[run] for run in runs if run in self.phrase]
        found.append(self._broad(set(text)))
        met = np.sort(np.concatenate(found))
        excluded = [self.negative[run] for run in runs if run in self.negative]
        return met[~np.isin(self.campaign[met], np.concatenate(excluded))] if excluded else met

    def _broad(self, text: set[str]) -> Int64:
        posted = [self.broad[word] for word in text if word in self.broad]
        if not posted:
            return _NOTHING
        candidates: Int64 = np.concatenate(posted)
        asked = np.array([self.word_ids[word] for word in text if word in self.word_ids], dtype=np.int64)
        at, owner = _gather(self.needed, candidates)
        missing = owner[~np.isin(self.needed.values[at], asked)]
        complete = np.flatnonzero(np.bincount(missing, minlength=len(candidates)) == 0)
        return candidates[complete]


class KeywordSource:
    """Finds the ads that bid on a query: for each campaign a row a creative and match type, with its highest bid.

    Of a campaign's keywords that the query meets with one match type, the highest bid stands for all, the lowest key
    among equals: click models see a match type, not a keyword, so another row of that type could never win. Nothing
    else is left out here, whether or not it may run: a campaign has at most three rows a creative, and no campaign's
    rows depend on another's.

    Rows carry ``CAMPAIGN``, ``CREATIVE``, ``KEYWORD``, ``MATCH_TYPE`` and ``BID``, the highest bids first.

    Args:
        index: gives the index in force; asked once a batch, so that a new campaign is found by the next request.
    """

    name = "keywords"

    def __init__(self, index: Callable[[], KeywordIndex]) -> None:
        self._index = index

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """Every ad of the campaigns that the query meets; none for an empty query."""
        index = self._index()
        per_query = {query: self._rows(index, query) for query in {request.query for request in batch.requests}}
        per_request = [per_query[request.query] for request in batch.requests]
        offsets = np.cumsum([0, *(len(number) for number, _ in per_request)])
        number = np.concatenate([number for number, _ in per_request])
        place = np.concatenate([at for _, at in per_request])
        columns: dict[Column[Any], Array] = {
            CAMPAIGN: index.campaign_keys[index.campaign[number]],
            CREATIVE: index.creatives.values[place],
            KEYWORD: index.keyword[number],
            MATCH_TYPE: index.match[number].astype(np.int8),
            BID: index.bid[number],
        }
        item = index.items.values[place]
        return Candidates.found(self.name, offsets, item, index.bid[number].astype(np.float64), columns)

    def _rows(self, index: KeywordIndex, query: str) -> tuple[Int64, Int64]:
        """Keyword and place in the flat creatives of each row, best first."""
        met = _best_of_each_match_type(index, index.match_query(query))
        place, owner = _gather(index.creatives, index.campaign[met])
        number = met[owner]
        order = np.lexsort((place, number, -index.bid[number]))
        return number[order], place[order]


def _best_of_each_match_type(index: KeywordIndex, met: Int64) -> Int64:
    """Of the keywords met, one a campaign and match type: the highest bid, the lowest key among equals."""
    campaign, match = index.campaign[met], index.match[met]
    order = np.lexsort((index.keyword[met], -index.bid[met], match, campaign))
    first = np.ones(len(met), dtype=bool)
    first[1:] = (np.diff(campaign[order]) != 0) | (np.diff(match[order]) != 0)
    return met[order][first]


def _gather(ragged: Ragged, lists: Int64) -> tuple[Int64, Int64]:
    """Where the values of the named lists lie, and which of the named lists each belongs to."""
    lengths = ragged.lengths[lists]
    owner = np.repeat(np.arange(len(lists), dtype=np.int64), lengths)
    ends = np.cumsum(lengths)
    within = np.arange(len(owner), dtype=np.int64) - np.repeat(ends - lengths, lengths)
    return ragged.offsets[lists][owner] + within, owner


def _join(text: Sequence[str]) -> str:
    return " ".join(text)


def _frozen(lists: dict[str, list[int]]) -> dict[str, Int64]:
    return {entry: np.array(numbers, dtype=np.int64) for entry, numbers in lists.items()}
