"""What all neural rankers share: standardised numbers, embedded ids, and the request's side worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shortlist.core.arrays import Float32
from shortlist.learning.embedding_tables import EmbeddingTables
from shortlist.learning.table_plan import TableSizes
from shortlist.ranking.input_sizes import IdList, InputSizes
from shortlist.ranking.sides_model import Sides, side_by_side, spread

__all__ = ["InputLayer", "Inputs", "Sequence"]


@dataclass(frozen=True, slots=True)
class Sequence:
    """A request's list of ids that are like a candidate's, for attention.

    Attributes:
        vectors: ``(R, L, d)``.
        held: float ``(R, L)``, 1 where there is an id, 0 where there is padding.
        like: the candidate's field that it is compared with.
    """

    vectors: Tensor
    held: Tensor
    like: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of N rows of R requests. A field is an embedding: of an id, or the mean of a list's.

    Attributes:
        request_dense: ``(R, ·)``, standardised.
        request_fields: ``(R, ·, d)``.
        index: int64 ``(N,)``, the request of each row; None where all are of one, as without inputs of requests.
        candidate_dense: ``(N, ·)``.
        candidate_fields: ``(N, ·, d)``.
        sequences: the request's lists that are like a field of the candidate.
    """

    request_dense: Tensor
    request_fields: Tensor
    index: Tensor | None
    candidate_dense: Tensor
    candidate_fields: Tensor
    sequences: tuple[Sequence, ...]

    @property
    def sides(self) -> Sides:
        """All of a request beside all of a candidate."""
        request = side_by_side([self.request_dense, self.request_fields.flatten(1)])
        candidate = side_by_side([self.candidate_dense, self.candidate_fields.flatten(1)])
        return Sides(request if request.shape[1] else None, self.index, candidate)

    @property
    def dense_sides(self) -> Sides:
        """The real numbers alone."""
        request = self.request_dense
        return (
            Sides(request, self.index, self.candidate_dense) if request.shape[1] else Sides.whole(self.candidate_dense)
        )

    @property
    def fields(self) -> Tensor:
        """The fields of a row, ``(N, F, d)``."""
        if not self.request_fields.shape[1]:
            return self.candidate_fields
        return side_by_side([spread(self.request_fields, self.index, self.candidate_fields), self.candidate_fields])


class InputLayer(nn.Module):
    """From the arguments ``InputSizes.names`` to ``Inputs``.

    Real numbers are standardised and clipped to ±5 inside of the model, so that what serves it cannot forget to. Ids
    are embedded; a list is the mean of its ids' embeddings, 0 where it is empty.

    Args:
        sizes: of the inputs.
        request_scale: float32 ``(2, r)``, mean and standard deviation of the request's numbers.
        candidate_scale: float32 ``(2, c)``, of the candidate's.
        width: d, of every embedding.
        table_sizes: where tables stop growing.
        spread: standard deviation of the embeddings' first values.
        forget: share of the ids that are taken for unknown while training.
    """

    request_scale: Tensor
    candidate_scale: Tensor

    def __init__(
        self,
        sizes: InputSizes,
        request_scale: Float32,
        candidate_scale: Float32,
        *,
        width: int,
        table_sizes: TableSizes | None = None,
        spread: float = 0.01,
        forget: float = 0.01,
    ) -> None:
        super().__init__()
        self.sizes, self.width = sizes, width
        self.register_buffer("request_scale", torch.from_numpy(request_scale))
        self.register_buffer("candidate_scale", torch.from_numpy(candidate_scale))
        lists = (*sizes.request_lists, *sizes.candidate_lists)
        own = [part.size for part in lists if part.like is None]
        self.tables = EmbeddingTables(
            [*sizes.request_ids, *sizes.candidate_ids, *own],
            width,
            table_sizes=table_sizes,
            spread=spread,
            forget=forget,
        )
        first, self._table_of_list = len(sizes.request_ids) + len(sizes.candidate_ids), list[int]()
        for part in lists:
            if part.like is None:
                self._table_of_list.append(first)
                first += 1
            else:
                self._table_of_list.append(len(sizes.request_ids) + part.like)

    @property
    def n_dense(self) -> int:
        """Real numbers of a row."""
        return self.sizes.request_dense + self.sizes.candidate_dense

    @property
    def n_request_fields(self) -> int:
        """Fields of a request."""
        return len(self.sizes.request_ids) + len(self.sizes.request_lists)

    @property
    def n_candidate_fields(self) -> int:
        """Fields of a candidate."""
        return len(self.sizes.candidate_ids) + len(self.sizes.candidate_lists)

    @property
    def n_fields(self) -> int:
        """F, fields of a row."""
        return self.n_request_fields + self.n_candidate_fields

    @property
    def request_width(self) -> int:
        """r, of a request's inputs laid side by side."""
        return self.sizes.request_dense + self.n_request_fields * self.width

    @property
    def candidate_width(self) -> int:
        """c, of a candidate's."""
        return self.sizes.candidate_dense + self.n_candidate_fields * self.width

    def forward(self, *arguments: Tensor) -> Inputs:
        """The inputs; arguments in the order of ``sizes.names``, or of ``sizes.names_of_one``: rows of one request."""
        sizes = self.sizes
        names = sizes.names if len(arguments) == len(sizes.names) else sizes.names_of_one
        given = dict(zip(names, arguments, strict=True))
        n_request = len(sizes.request_ids)
        of_request, of_candidate = range(n_request), range(n_request, n_request + len(sizes.candidate_ids))
        places = iter(self._table_of_list)
        requests = given[sizes.request_names[0]].shape[0] if sizes.request_names else 1
        rows = given[sizes.candidate_names[0]].shape[0]
        request_fields, sequences = self._fields(given, "request", of_request, sizes.request_lists, places, requests)
        candidate_fields, _ = self._fields(given, "candidate", of_candidate, sizes.candidate_lists, places, rows)
        return Inputs(
            _standardised(given.get("request_dense"), self.request_scale, requests),
            request_fields,
            given.get("request_index"),
            _standardised(given.get("candidate_dense"), self.candidate_scale, rows),
            candidate_fields,
            sequences,
        )

    def _fields(
        self,
        given: Mapping[str, Tensor],
        side: str,
        features: range,
        lists: tuple[IdList, ...],
        tables: Iterator[int],
        rows: int,
    ) -> tuple[Tensor, tuple[Sequence, ...]]:
        parts: list[Tensor] = []
        sequences: list[Sequence] = []
        if len(features):
            parts.append(self.tables(given[f"{side}_ids"], features))
        for k, one in enumerate(lists):
            ids = given[f"{side}_list_{k}"]
            vectors = self.tables(ids.unsqueeze(-1), [next(tables)]).squeeze(-2)
            held = (ids > 0).to(vectors.dtype)
            share = held / held.sum(dim=1, keepdim=True).clamp(min=1.0)
            parts.append(share.unsqueeze(1) @ vectors)
            if one.like is not None:
                sequences.append(Sequence(vectors, held, one.like))
        none = self.tables.table.weight.new_zeros(rows, 0, self.width)
        return torch.cat(parts, dim=1) if parts else none, tuple(sequences)


def _standardised(x: Tensor | None, scale: Tensor, rows: int) -> Tensor:
    return scale.new_zeros(rows, 0) if x is None else ((x - scale[0]) / scale[1]).clamp(-5.0, 5.0)
