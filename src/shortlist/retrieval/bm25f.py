"""BM25F over several fields, as a sparse matrix of impacts: a batch of queries is one sparse product."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import Stemmer
from scipy.sparse import csr_array

from shortlist.core.arrays import Float32, Int64, Ragged
from shortlist.core.errors import ReleaseError
from shortlist.features.text import words
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.postings_kernel import summed_postings

__all__ = ["Bm25fIndex", "FieldScales", "Vocabulary", "WordScores", "joined_words", "stems"]

_VOCABULARY = "vocabulary.json"
_SCALES = "scales.json"


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rows of an impact matrix: first the words as they are written, then their stems, each in its own order.

    Attributes:
        written: words as ``features.text.words`` gives them.
        stems: of those words.
    """

    written: Sequence[str]
    stems: Sequence[str]


class FieldScales(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an item that comes later is weighed by, so that it is scored as if it had been there.

    Attributes:
        weights: w_f of each field.
        mean_lengths: mean |·|_f of each field.
        written: weight of the score over words as they are written.
    """

    weights: Mapping[str, float]
    mean_lengths: Mapping[str, float]
    written: float


class WordScores(NamedTuple):
    """Scores of queries and items, sparse: those of query r lie from ``offsets[r]`` to ``offsets[r + 1]``.

    Attributes:
        offsets: int64 ``(R + 1,)``.
        item: rows of the catalogue, rising for each query.
        value: float32, above 0.
        n_items: V + 1.
    """

    offsets: Int64
    item: Int64
    value: Float32
    n_items: int

    def dense(self) -> Float32:
        """Float32 ``(R, V + 1)``, 0 where a query and an item share no stem."""
        matrix: Float32 = csr_array(
            (self.value, self.item, self.offsets), (len(self.offsets) - 1, self.n_items)
        ).toarray()
        return matrix


@dataclass(frozen=True, slots=True, eq=False)
class Bm25fIndex:
    """The BM25F score of queries and items.

    ``score(q, i) = sum over words t of q of idf_t · T / (k1 + T)``, where
    ``T = sum over fields f of w_f · tf_f(t, i) / (1 - b + b · |i|_f / mean |·|_f)`` and
    ``idf_t = log(1 + (N - n_t + .5) / (n_t + .5))`` with ``n_t`` items that hold t in a field of positive weight
    (Robertson, Zaragoza & Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004; Robertson &
    Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009, section 3.6). k1 = 1.2 and b = .75.

    It is taken twice and added up: over the stems of words (Snowball, English) and, with a weight of its own, over
    words as they are written, so that "gaming" finds "game" and prefers "gaming". Two words of a query that the
    catalogue also writes as one (``joined_words``) are asked for as one, too. ``FieldCounts.index`` makes it.

    Attributes:
        impact: float32 ``(words + stems, V + 1)``, the summands above.
        written: a word to its row of ``impact``.
        stems: a stem to its row of ``impact``.
        scales: of the fields.
    """

    impact: csr_array
    written: dict[str, int]
    stems: dict[str, int]
    scales: FieldScales

    @classmethod
    def of(cls, impact: csr_array, vocabulary: Vocabulary, scales: FieldScales) -> Bm25fIndex:
        """An index out of a matrix, what its rows stand for, and the scales of its fields."""
        n = len(vocabulary.written)
        written = {word: row for row, word in enumerate(vocabulary.written)}
        return cls(impact, written, {stem: n + row for row, stem in enumerate(vocabulary.stems)}, scales)

    def score(self, queries: Sequence[str]) -> WordScores:
        """The scores of every query and item that share a stem."""
        asked = [words(query) for query in queries]
        asked = [[*found, *joined_words(found, self.written)] for found in asked]
        stemmed = stems([word for found in asked for word in found])
        stem = iter(stemmed)
        rows = [[n for word in found for n in self._rows(word, next(stem))] for found in asked]
        lists, impact = Ragged.from_lists(rows), self.impact
        n = impact.shape[1]
        offsets, item, value = summed_postings(
            lists.values, lists.offsets, impact.indptr, impact.indices, impact.data, n
        )
        return WordScores(offsets, item, value, n)

    def _rows(self, word: str, stem: str) -> list[int]:
        """Those of ``impact`` that a word of a query asks for."""
        return [n for n in (self.written.get(word), self.stems.get(stem)) if n is not None]

    def save(self, folder: Path) -> None:
        """Write impacts and vocabulary."""
        offsets = self.impact.indptr.astype(np.int64)
        item = self.impact.indices.astype(np.int32)
        write_arrays(folder, {"impact": self.impact.data, "item": item, "offsets": offsets})
        vocabulary = Vocabulary(tuple(self.written), tuple(self.stems))
        (folder / _VOCABULARY).write_bytes(msgspec.json.encode(vocabulary))
        (folder / _SCALES).write_bytes(msgspec.json.encode(self.scales))

    @classmethod
    def load(cls, folder: Path, n_rows: int) -> Bm25fIndex:
        """Read what ``save`` wrote for ``n_rows`` rows.

        Raises:
            ReleaseError: a file is missing or torn, or the two do not belong together.
        """
        path = folder / _VOCABULARY
        try:
            vocabulary = msgspec.json.decode(path.read_bytes(), type=Vocabulary)
            scales = msgspec.json.decode((folder / _SCALES).read_bytes(), type=FieldScales)
        except (OSError, msgspec.MsgspecError):
            raise ReleaseError("the words cannot be read", where=str(path), fix="train a new release") from None
        n_words = len(vocabulary.written) + len(vocabulary.stems)
        impact, item, offsets = read_arrays(folder, "impact", "item", "offsets", rows={"offsets": n_words + 1})
        if item.max(initial=0) >= n_rows:
            raise ReleaseError(
                "the index names items that the catalogue does not have",
                where=str(folder),
                fix="a release's files belong together; train a new one",
            )
        return cls.of(csr_array((impact, item, offsets), shape=(n_words, n_rows)), vocabulary, scales)


def joined_words(found: Sequence[str], known: Container[str]) -> list[str]:
    """Neighbours put together where that gives a known word: "head set" is also written "headset".

    Single letters and words with digits are not put together.

    Example:
        >>> joined_words(["head", "set", "7", "up"], {"headset", "7up"})
        ['headset']
    """
    pairs = ((a, b) for a, b in pairwise(found) if len(a) > 1 and len(b) > 1 and a.isalpha() and b.isalpha())
    return [a + b for a, b in pairs if a + b in known]


def stems(found: Sequence[str]) -> list[str]:
    """The stem of each word."""
    stemmer = Stemmer.Stemmer("english")  # one a call: a stemmer keeps a cache and is not safe to share
    stemmed: list[str] = stemmer.stemWords(list(found))
    return stemmed
