"""Training of the query tower without a query log; imports torch, so nothing that serves may import it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.core.arrays import Float32, Int64, Ragged
from shortlist.core.randomness import Rng, generator
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import hashed_fragments, words
from shortlist.learning.chunked_softmax import chunked_softmax_loss
from shortlist.learning.negatives.accidental_hits import accidental_hits
from shortlist.learning.one_thread import one_thread
from shortlist.learning.progress import Progress, silent
from shortlist.learning.query_tower_arrays import QueryTowerArrays

__all__ = ["QueryTowerRecipe", "misspelt", "train_query_tower"]

_EXAMPLES_AN_ITEM = 100
_EXAMPLES_AT_LEAST = 30_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTowerRecipe:
    """How the query tower is trained.

    Attributes:
        width: d, where no item vectors are given.
        buckets: of the hashed words and n-grams.
        examples: made-up queries at most; a small catalogue makes do with fewer, 100 an item.
        batch: examples a step, and so also the size of the sampled softmax.
        learning_rate: of Adam, falling to 0 by a cosine.
        temperature: τ of the softmax.
        misspelt: share of the made-up queries that get a typing error.
    """

    width: int = 64
    buckets: int = 32_768
    examples: int = 240_000
    batch: int = 512
    learning_rate: float = 1e-2
    temperature: float = 0.07
    misspelt: float = 0.3


@one_thread()
def train_query_tower(
    catalogue: Catalogue,
    *,
    item_vectors: Float32 | None = None,
    recipe: QueryTowerRecipe | None = None,
    rng: Rng = 0,
    progress: Progress = silent,
) -> QueryTowerArrays:
    """Train on queries that are made up from the items' own texts.

    None of the public data sets at hand has a log of real queries with clicks. So each example is a piece of an
    item's title, brand, categories or description, now and then with a typing error, and the item it was cut from is
    its positive; the negatives are the other items of the batch. Items are drawn uniformly, so no item is pushed down
    more than another, and the softmax is over the batch, not over the catalogue: log E = 0 for all. With real
    queries, real clicks should replace this.

    Args:
        catalogue: the release's items.
        item_vectors: float32 ``(V + 1, d)`` of length 1 to aim at, held fixed. Without them the items' vectors are
            the same encoder's, read over the items' whole texts.
        recipe: sizes and rates.
        rng: of weights, items and cuts.
        progress: told of every twentieth of the work.
    """
    recipe = recipe or QueryTowerRecipe()
    draw = generator(rng)
    texts = _texts(catalogue)
    whole = hashed_fragments([" ".join(" ".join(part) for part in parts) for parts in texts], recipe.buckets)
    width = recipe.width if item_vectors is None else item_vectors.shape[1]
    torch_rng = torch.Generator().manual_seed(int(draw.integers(2**62)))
    embedding = nn.Parameter(torch.randn(recipe.buckets + 1, width, generator=torch_rng) * 0.1)
    fixed = None if item_vectors is None else torch.from_numpy(item_vectors)
    optimizer = torch.optim.Adam([embedding], lr=recipe.learning_rate)
    examples = min(recipe.examples, max(_EXAMPLES_AT_LEAST, _EXAMPLES_AN_ITEM * len(catalogue)))
    steps = max(1, examples // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    for step in range(steps):
        row = draw.integers(1, len(catalogue), size=recipe.batch)
        queries = [_made_up(texts[r], recipe.misspelt, draw) for r in row.tolist()]
        query = _encode(embedding, hashed_fragments(queries, recipe.buckets))
        item = _encode(embedding, _rows_of(whole, row)) if fixed is None else fixed[row]
        batch, place = accidental_hits(row, row)
        loss = chunked_softmax_loss(
            query,
            item,
            item,
            torch.zeros(len(row)),
            hits=(torch.from_numpy(batch), torch.from_numpy(place)),
            temperature=recipe.temperature,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if (step + 1) % max(1, steps // 20) == 0:
            progress("query_tower", step + 1, steps)
    with torch.no_grad():
        embedding[0] = 0.0
        vectors = _encode(embedding, whole).numpy().copy() if item_vectors is None else item_vectors
    return QueryTowerArrays(embedding.detach().numpy().copy(), vectors)


def misspelt(word: str, draw: np.random.Generator) -> str:
    """The word with one typing error: a letter dropped, doubled or replaced, or two neighbours swapped.

    Words of fewer than four letters stay as they are.
    """
    if len(word) < 4:
        return word
    at = int(draw.integers(1, len(word) - 1))
    kind = int(draw.integers(4))
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2:
        return word[:at] + _LETTERS[int(draw.integers(26))] + word[at + 1 :]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _texts(catalogue: Catalogue) -> list[tuple[Sequence[str], ...]]:
    """Each row's words of title, brand, categories and description; nothing at row 0."""
    table = catalogue.table.select("title", "brand", "categories", "description")
    return [
        ((), (), (), ()),
        *(
            (words(title or ""), words(brand or ""), words(" ".join(names or [])), words(text or ""))
            for title, brand, names, text in table.iter_rows()
        ),
    ]


def _made_up(parts: tuple[Sequence[str], ...], misspelt_share: float, draw: np.random.Generator) -> str:
    """One to four words in a row of the title (mostly), the categories or the description, or brand and category."""
    title, brand, categories, description = parts
    kind = draw.random()
    if kind < 0.6 or not (categories or description):
        source = title
    elif kind < 0.75:
        source = [*brand, *categories]
    elif kind < 0.85:
        source = categories
    else:
        source = description
    source = source or title
    if not source:
        return ""
    length = int(draw.integers(1, 5))
    start = int(draw.integers(max(1, len(source) - length + 1)))
    chosen = list(source[start : start + length])
    if draw.random() < misspelt_share:
        at = int(draw.integers(len(chosen)))
        chosen[at] = misspelt(chosen[at], draw)
    return " ".join(chosen)


def _rows_of(lists: Ragged, row: Int64) -> Ragged:
    return Ragged.from_lists([lists[r] for r in row.tolist()])


def _encode(embedding: Tensor, found: Ragged) -> Tensor:
    """Mean of the embeddings of each list, of length 1; zeros for an empty list."""
    mean = functional.embedding_bag(
        torch.from_numpy(found.values), embedding, torch.from_numpy(found.offsets[:-1]), mode="mean"
    )
    return functional.normalize(mean, dim=-1)
