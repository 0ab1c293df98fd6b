"""What the ad click model sees of an ad and a query. Training and serving call the same functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int64, Ragged
from shortlist.core.campaign import MATCH_CODES
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import MAX_QUERY_WORDS, words

__all__ = ["FEATURES", "AdText", "PastRates", "ad_features"]

FEATURES = (
    "exact_match",
    "phrase_match",
    "query_in_title",
    "title_in_query",
    "title_with_query",
    "query_in_labels",
    "log_item_rate",
    "log_campaign_rate",
)
"""The columns of ``ad_features``, in order: shares in [0, 1], and log ratios to the mean click rate."""


class AdText:
    """The words of every item of a catalogue, numbered, so that overlaps with queries are counted without a loop.

    Args:
        catalogue: titles, and labels: categories and brand.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._numbers: dict[str, int] = {}
        table = catalogue.table
        labels = zip(table["categories"].fill_null([]).to_list(), table["brand"].fill_null("").to_list(), strict=True)
        self._titles = self._numbered(catalogue.titles)
        self._labels = self._numbered(["", *(" ".join([*categories, brand]) for categories, brand in labels)])

    def overlaps(self, queries: Sequence[str], query: Int64, row: Int64) -> tuple[Float64, Float64, Float64]:
        """Shares of words in common.

        Args:
            queries: the different queries.
            query: int64 ``(N,)``, which of them each ad answers.
            row: int64 ``(N,)``, the ad's item in the catalogue.

        Returns:
            Share of the query's words that the title holds; share of the title's words that the query holds; share of
            the query's words that the labels hold. Each float64 ``(N,)``, 0 where there are no words.
        """
        asked = [list(dict.fromkeys(words(text)))[:MAX_QUERY_WORDS] for text in queries]
        n_words = len(self._numbers) + 1
        pairs = np.array(
            sorted(
                number * n_words + self._numbers[word]
                for number, text in enumerate(asked)
                for word in text
                if word in self._numbers
            ),
            dtype=np.int64,
        )
        length = np.array([len(text) for text in asked], dtype=np.int64)[query]
        in_title = self._hits(self._titles, query, row, pairs, n_words)
        in_labels = self._hits(self._labels, query, row, pairs, n_words)
        return (
            _share(in_title, length),
            _share(in_title, self._titles.lengths[row]),
            _share(in_labels, length),
        )

    def _numbered(self, texts: Iterable[str]) -> Ragged:
        return Ragged.from_lists(
            [
                [self._numbers.setdefault(word, len(self._numbers) + 1) for word in dict.fromkeys(words(text))]
                for text in texts
            ]
        )

    @staticmethod
    def _hits(texts: Ragged, query: Int64, row: Int64, pairs: Int64, n_words: int) -> Int64:
        """Different words of each row's text that its query holds too."""
        lengths = texts.lengths[row]
        owner = np.repeat(np.arange(len(row), dtype=np.int64), lengths)
        within = np.arange(len(owner), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        wanted = query[owner] * n_words + texts.values[texts.offsets[row][owner] + within]
        return np.bincount(owner[_member(wanted, pairs)], minlength=len(row)).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PastRates:
    """How often the ads of a key were clicked in the past, apart from the slots they stood in.

    Clicks over expected examinations, shrunk towards the mean (Richardson et al., WWW 2007, section 4)::

        log_rate = log((clicks + c) / (rate * sum of alpha_slot + c)),   rate = clicks in all / sum of alpha_slot in all

    so a key is half way to its own rate once c clicks were to be expected of it.

    Attributes:
        key: int64 ``(G,)``, rising.
        log_rate: float64 ``(G,)``; a key that is not there has 0, the mean.
    """

    key: Int64
    log_rate: Float64

    @classmethod
    def count(cls, key: Array, click: Array, slot_effect: Array, *, shrinkage: float) -> PastRates:
        """Rates of a log.

        Args:
            key: ``(N,)``, item or campaign of each impression.
            click: ``(N,)``, 0 or 1.
            slot_effect: ``(N,)``, alpha of the slot it stood in.
            shrinkage: c, in clicks at the mean rate.

        Example:
            >>> past = PastRates.count([7, 7, 9, 9], [1, 1, 0, 0], [1, 1, 1, 1], shrinkage=1.0)
            >>> past.of(np.array([7, 9, 8])).round(3).tolist()  # log(3 / 2), log(1 / 2), unknown
            [0.405, -0.693, 0.0]
        """
        keys, index = np.unique(np.asarray(key, dtype=np.int64), return_inverse=True)
        clicks = np.bincount(index, weights=np.asarray(click, dtype=np.float64))
        examined = np.bincount(index, weights=np.asarray(slot_effect, dtype=np.float64))
        rate = clicks.sum() / examined.sum()
        return cls(keys, np.log((clicks + shrinkage) / (rate * examined + shrinkage)))

    def of(self, key: Array) -> Float64:
        """The log rate of each key, float64 of ``key``'s shape."""
        if not len(self.key):
            return np.zeros(len(key))
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[at] == key, self.log_rate[at], 0.0)


def ad_features(
    text: AdText,
    item_rates: PastRates,
    campaign_rates: PastRates,
    *,
    queries: Sequence[str],
    query: Int64,
    row: Int64,
    item: Int64,
    campaign: Int64,
    match_type: Array,
) -> Float64:
    """The columns of ``FEATURES``, float64 ``(N, 8)``.

    Args:
        text: the catalogue's words.
        item_rates: past rates by item.
        campaign_rates: past rates by campaign.
        queries: the different queries.
        query: int64 ``(N,)``, which of them each ad answers.
        row: int64 ``(N,)``, row of the item in the catalogue.
        item: int64 ``(N,)``, catalogue key.
        campaign: int64 ``(N,)``, catalogue key.
        match_type: ``(N,)``, 1 exact, 2 phrase, 3 broad.
    """
    match = np.asarray(match_type)
    query_in_title, title_in_query, query_in_labels = text.overlaps(queries, query, row)
    return np.column_stack(
        [
            (match == MATCH_CODES["exact"]).astype(np.float64),
            (match == MATCH_CODES["phrase"]).astype(np.float64),
            query_in_title,
            title_in_query,
            query_in_title * title_in_query,
            query_in_labels,
            item_rates.of(item),
            campaign_rates.of(campaign),
        ]
    )


def _member(wanted: Int64, held: Int64) -> Bool:
    """Which of ``wanted`` are in the rising ``held``."""
    if not len(held):
        return np.zeros(len(wanted), dtype=bool)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.asarray(held[at] == wanted, dtype=bool)


def _share(part: Int64, whole: Int64) -> Float64:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
