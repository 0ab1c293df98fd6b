"""BM25 over one field, as a sparse matrix of impacts: a batch of queries is one sparse product."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from scipy.sparse import csr_array

from shortlist.core.errors import ReleaseError
from shortlist.features.text import words
from shortlist.retrieval.arrays_file import read_arrays, write_arrays

__all__ = ["Bm25Index"]

_K1 = 1.5
_B = 0.75
_VOCABULARY = "vocabulary.json"


class Bm25Index:
    """The BM25 score of queries and items over one text an item.

        score(q, i) = sum over words w of q of idf_w · tf / (tf + k1 (1 - b + b |i| / mean length))

    with ``idf_w = log(1 + (N - n_w + .5) / (n_w + .5))``, k1 = 1.5 and b = .75 (Robertson & Zaragoza, "The
    probabilistic relevance framework: BM25 and beyond", 2009, section 3.4; as in Lucene, without the constant factor
    k1 + 1, which changes no order). Words are stemmed by the Snowball English stemmer. ``bm25s`` computes the impacts
    of words in items when the index is fitted.

    Args:
        impact: float32 ``(words, V + 1)``.
        vocabulary: a stem to its row of ``impact``.

    Example:
        >>> index = Bm25Index.fit(["", "red kettle", "blue kettle"])
        >>> index.score(["Kettles, red", "teapot"]).toarray().astype(float).round(2).tolist()
        [[0.0, 0.35, 0.07], [0.0, 0.0, 0.0]]
    """

    def __init__(self, impact: csr_array, vocabulary: dict[str, int]) -> None:
        self._impact = impact
        self._vocabulary = vocabulary

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Bm25Index:
        """Index one text a row; ``texts[0]`` belongs to the unknown item and is not read."""
        tokens = _stems(texts[1:])
        vocabulary = {stem: n for n, stem in enumerate(sorted({stem for stems in tokens for stem in stems}))}
        if not vocabulary:
            return cls(csr_array(np.zeros((0, len(texts)), dtype=np.float32)), {})
        model = bm25s.BM25(k1=_K1, b=_B, method="lucene")
        ids = [[vocabulary[stem] for stem in stems] for stems in tokens]
        model.index((ids, vocabulary), create_empty_token=False, show_progress=False)
        held = model.scores
        impact = csr_array(
            (held["data"].astype(np.float32), held["indices"].astype(np.int32) + 1, held["indptr"].astype(np.int64)),
            shape=(len(vocabulary), len(texts)),
        )
        impact.sort_indices()
        return cls(impact, vocabulary)

    def score(self, queries: Sequence[str]) -> csr_array:
        """Scores float32 ``(R, V + 1)``, sparse: nothing where a query and an item share no word."""
        pairs = [(r, self._vocabulary.get(stem, -1)) for r, stems in enumerate(_stems(queries)) for stem in stems]
        pair = np.array([p for p in pairs if p[1] >= 0], dtype=np.int64).reshape(-1, 2)
        ones = np.ones(len(pair), dtype=np.float32)
        asked = csr_array((ones, (pair[:, 0], pair[:, 1])), shape=(len(queries), self._impact.shape[0]))
        return csr_array(asked @ self._impact)

    def save(self, folder: Path) -> None:
        """Write impacts and vocabulary."""
        offsets = self._impact.indptr.astype(np.int64)
        item = self._impact.indices.astype(np.int32)
        write_arrays(folder, {"impact": self._impact.data, "item": item, "offsets": offsets})
        (folder / _VOCABULARY).write_text(json.dumps(list(self._vocabulary)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, n_rows: int) -> Bm25Index:
        """Read what ``save`` wrote for ``n_rows`` rows.

        Raises:
            ReleaseError: a file is missing or torn, or the two do not belong together.
        """
        path = folder / _VOCABULARY
        try:
            vocabulary: list[str] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ReleaseError("the words cannot be read", where=str(path), fix="train a new release") from None
        impact, item, offsets = read_arrays(folder, "impact", "item", "offsets", rows={"offsets": len(vocabulary) + 1})
        if item.max(initial=0) >= n_rows:
            raise ReleaseError(
                "the index names items that the catalogue does not have",
                where=str(folder),
                fix="a release's files belong together; train a new one",
            )
        matrix: csr_array = csr_array((impact, item, offsets), shape=(len(vocabulary), n_rows))
        return cls(matrix, {stem: n for n, stem in enumerate(vocabulary)})


def _stems(texts: Sequence[str]) -> list[list[str]]:
    stemmer = Stemmer.Stemmer("english")  # one a call: a stemmer keeps a cache and is not safe to share
    return [stemmer.stemWords(words(text)) for text in texts]
