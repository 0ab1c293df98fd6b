"""Text as tokens: words for lexical matching, hashed words and character n-grams for embeddings."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

from shortlist.core.arrays import Ragged

__all__ = ["MAX_CHARACTERS", "MAX_QUERY_WORDS", "hashed", "hashed_fragments", "words"]

MAX_CHARACTERS = 4_096
"""Of a text, only this many characters are read: a query of a megabyte costs no more than a long one."""

MAX_QUERY_WORDS = 32
"""Of a query, only this many words are compared with titles."""

_WORD = re.compile(r"[^\W_]+")
_GRAM_SIZES = (3, 4)


def words(text: str) -> list[str]:
    """Lower-case runs of letters and digits, without accents (Unicode NFKD).

    Example:
        >>> words("Amélie (2001): Léon's 10-inch")
        ['amelie', '2001', 'leon', 's', '10', 'inch']
    """
    plain = unicodedata.normalize("NFKD", text[:MAX_CHARACTERS]).lower()
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


def hashed(tokens: Iterable[str], buckets: int) -> list[int]:
    """Buckets 1 to ``buckets`` by CRC-32, the same on every machine; 0 is left for "unknown".

    The hashing trick: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
    """
    return [1 + zlib.crc32(token.encode()) % buckets for token in tokens]


def hashed_fragments(texts: Sequence[str], buckets: int) -> Ragged:
    """Each text's words and its words' 3- and 4-grams with boundary marks, as buckets.

    A misspelt word shares most of its n-grams with the right one (Bojanowski et al., "Enriching word vectors with
    subword information", TACL 2017).

    Example:
        >>> hashed_fragments(["tv", ""], 1000).lengths.tolist()  # the word, "<tv", "tv>", "<tv>"
        [4, 0]
    """
    return Ragged.from_lists([[b for word in words(text) for b in _word_buckets(word, buckets)] for text in texts])


@lru_cache(maxsize=65_536)
def _word_buckets(word: str, buckets: int) -> tuple[int, ...]:
    marked = f"<{word}>"
    grams = ["#" + marked[at : at + size] for size in _GRAM_SIZES for at in range(len(marked) - size + 1)]
    return tuple(hashed([word, *grams], buckets))
