"""How often each word stands in each field of each item: what a BM25F index is made of, whatever its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl
from scipy.sparse import csr_array, hstack, vstack

from shortlist.core.arrays import Float32, Int64
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import words
from shortlist.retrieval.bm25f import Bm25fIndex, FieldScales, Vocabulary, joined_words, stems

__all__ = ["FIELDS", "FieldCounts", "FieldWeights", "with_items"]

FIELDS = ("title", "brand", "categories", "summary", "details")

_K1 = 1.2
_B = 0.75


class FieldWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a word counts in each field, and how much its spelling counts beside its stem.

    The defaults are what ``relevance_tuning.tune`` finds on the graded queries of the Icecat catalogue.

    Attributes:
        title: of an item.
        brand: likewise.
        categories: their names.
        summary: the first line of the description.
        details: the other lines, and the year of release where no text names it.
        written: weight of the score over words as they are written, beside the one over stems; 0 for stems alone.
    """

    title: float = 3.0
    brand: float = 1.0
    categories: float = 0.2
    summary: float = 3.0
    details: float = 0.15
    written: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class FieldCounts:
    """Words, stems and counts of a catalogue; ``index`` weighs them.

    Attributes:
        written: the ``W`` words that occur, sorted.
        counts: for each of ``FIELDS``, float32 ``(W, V + 1)``; pairs of words that are also written as one count as
            that one, too.
        lengths: for each of ``FIELDS``, words an item, float32 ``(V + 1,)``.
    """

    written: tuple[str, ...]
    counts: Mapping[str, csr_array]
    lengths: Mapping[str, Float32]

    @classmethod
    def of(cls, catalogue: Catalogue) -> FieldCounts:
        """Count a catalogue's texts."""
        found = {field: [[], *texts] for field, texts in _words(catalogue.table).items()}
        written = tuple(sorted({word for texts in found.values() for text in texts for word in text}))
        number = {word: n for n, word in enumerate(written)}
        counts = {field: _count(texts, number) for field, texts in found.items()}
        lengths = {field: np.array([len(text) for text in texts], np.float32) for field, texts in found.items()}
        return cls(written, counts, lengths)

    def only(self, queries: Iterable[str]) -> FieldCounts:
        """The counts of words that can matter to these queries: their scores stay what they were."""
        asked = [words(query) for query in queries]
        spelt = {word for found in asked for word in (*found, *map("".join, pairwise(found)))}
        wanted = set(stems(sorted(spelt)))
        kept = np.flatnonzero([stem in wanted for stem in stems(self.written)])
        counts = {field: count[kept] for field, count in self.counts.items()}
        return replace(self, written=tuple(self.written[n] for n in kept), counts=counts)

    def index(self, weights: FieldWeights | None = None) -> Bm25fIndex:
        """The impacts under some weights.

        Args:
            weights: of the fields, those of the class where they are not given.
        """
        weights = weights or FieldWeights()
        distinct, of_stem = _stemmed(self.written)
        means = {field: float(self.lengths[field][1:].mean()) for field in FIELDS}
        by_field = {field: float(getattr(weights, field)) for field in FIELDS}
        scales = FieldScales(by_field, means, float(weights.written))
        frequency = _frequency(self.counts, self.lengths, scales)
        n_items = frequency.shape[1] - 1
        spelling = _impact(frequency, _holding(frequency), n_items)
        spelling.data *= np.float32(weights.written)
        by_stem = csr_array(of_stem @ frequency)
        impact = csr_array(vstack([spelling, _impact(by_stem, _holding(by_stem), n_items)]))
        impact.sort_indices()
        return Bm25fIndex.of(impact, Vocabulary(self.written, distinct), scales)


def with_items(index: Bm25fIndex, items: pl.DataFrame) -> Bm25fIndex:
    """The index with further items behind, without counting those that it has again.

    A word has the idf and a field the mean length that they had; a new word's idf counts the new items. So the scores
    of the items that were there do not move, as they do not in a search engine that adds a segment.

    Args:
        index: of a catalogue.
        items: a table in the schema ``ITEMS``.
    """
    found = _words(items)
    fresh = sorted({word for texts in found.values() for text in texts for word in text} - index.written.keys())
    written = (*index.written, *fresh)
    number = {word: n for n, word in enumerate(written)}
    counts = {field: _count(texts, number) for field, texts in found.items()}
    lengths = {field: np.array([len(text) for text in texts], np.float32) for field, texts in found.items()}
    frequency = _frequency(counts, lengths, index.scales)
    stemmed, of_stem = _stemmed(written)
    distinct = (*index.stems, *sorted(set(stemmed) - index.stems.keys()))
    place = {stem: n for n, stem in enumerate(stemmed)}
    by_stem = csr_array(csr_array(of_stem @ frequency)[[place[stem] for stem in distinct]])
    n_before = index.impact.shape[1] - 1
    parts = []
    for rows, more, held, weight in (
        (slice(0, len(index.written)), frequency, len(index.written), index.scales.written),
        (slice(len(index.written), None), by_stem, len(index.stems), 1.0),
    ):
        before = _with_rows(csr_array(index.impact[rows]), more.shape[0])
        holding = np.concatenate([_holding(before)[:held], _holding(more)[held:]])
        added = _impact(more, holding, n_before)
        added.data *= np.float32(weight)
        parts.append(hstack([before, added]))
    impact = csr_array(vstack(parts))
    impact.sort_indices()
    return Bm25fIndex.of(impact, Vocabulary(written, distinct), index.scales)


def _stemmed(written: Sequence[str]) -> tuple[list[str], csr_array]:
    """The distinct stems, sorted, and the 0/1 matrix ``(stems, W)`` that adds up the words of each."""
    stemmed = stems(written)
    distinct = sorted(set(stemmed))
    place = {stem: n for n, stem in enumerate(distinct)}
    group = np.array([place[stem] for stem in stemmed], dtype=np.int64)
    ones = np.ones(len(group), dtype=np.float32)
    return distinct, csr_array((ones, (group, np.arange(len(group)))), shape=(len(distinct), len(group)))


def _frequency(counts: Mapping[str, csr_array], lengths: Mapping[str, Float32], scales: FieldScales) -> csr_array:
    """T of each word and item, float32 ``(W, items)``."""
    total = csr_array(counts["title"].shape, dtype=np.float32)
    for field in FIELDS:
        weight, length, count = scales.weights[field], lengths[field], counts[field]
        if weight and count.nnz:
            scale = weight / (1.0 - _B + _B * length / max(scales.mean_lengths[field], 1e-9))
            scaled = count.data * scale.astype(np.float32)[count.indices]
            total = total + csr_array((scaled, count.indices, count.indptr), shape=count.shape)
    return csr_array(total)


def _with_rows(matrix: csr_array, n: int) -> csr_array:
    """The same with empty rows behind, ``n`` in all."""
    indptr = np.concatenate([matrix.indptr, np.full(n - matrix.shape[0], matrix.indptr[-1])])
    return csr_array((matrix.data, matrix.indices, indptr), shape=(n, matrix.shape[1]))


def _holding(matrix: csr_array) -> Int64:
    """How many items hold each word."""
    return np.diff(matrix.indptr).astype(np.int64)


def _impact(frequency: csr_array, holding: Int64, n_items: int) -> csr_array:
    idf = np.log1p(np.maximum(n_items - holding + 0.5, 0.5) / (holding + 0.5)).astype(np.float32)
    impact = np.repeat(idf, _holding(frequency)) * frequency.data / (np.float32(_K1) + frequency.data)
    return csr_array((impact, frequency.indices, frequency.indptr), shape=frequency.shape)


def _words(items: pl.DataFrame) -> dict[str, list[list[str]]]:
    """The words of each field, a line of the table."""
    texts: dict[str, list[list[str]]] = {field: [] for field in FIELDS}
    columns = ("title", "brand", "categories", "description", "released_us")
    for title, brand, names, description, released in items.select(columns).iter_rows():
        summary, _, details = (description or "").partition("\n")
        year = "" if released is None else str(np.datetime64(released, "us").astype("datetime64[Y]"))
        if year and year not in f"{title} {description}":
            details = f"{details} {year}"
        for field, text in zip(
            FIELDS, (title or "", brand or "", " ".join(names or []), summary, details), strict=True
        ):
            texts[field].append(words(text))
    return texts


def _count(texts: Sequence[Sequence[str]], number: Mapping[str, int]) -> csr_array:
    """Words by rows, ``(W, V + 1)``."""
    word: list[int] = []
    held = np.zeros(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        found = [number[spelt] for spelt in (*text, *joined_words(text, number))]
        word += found
        held[row] = len(found)
    item: Int64 = np.repeat(np.arange(len(texts)), held)
    ones = np.ones(len(word), dtype=np.float32)
    count = csr_array((ones, (np.array(word, dtype=np.int64), item)), shape=(len(number), len(texts)))
    count.sum_duplicates()
    return count
