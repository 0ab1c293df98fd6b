"""Inputs of two sides: what is a request's, and worked out once a request, beside what is a candidate's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Sides", "of_rows", "side_by_side", "spread"]


@dataclass(frozen=True)
class Sides:
    """The inputs x of N rows: ``x = [request[index], candidate]``.

    Attributes:
        request: ``(R, r)``; None where all is the candidate's.
        index: int64 ``(N,)``, the request of each row; None where all rows are of one request. Then R is 1, and what
            was worked out for the request is broadcast instead of gathered.
        candidate: ``(N, c)``.
    """

    request: Tensor | None
    index: Tensor | None
    candidate: Tensor

    @classmethod
    def whole(cls, hidden: Tensor) -> Sides:
        """A hidden layer ``(N, h)``: all of it belongs to the candidates."""
        return cls(None, None, hidden)

    @cached_property
    def flat(self) -> Tensor:
        """x, ``(N, r + c)``."""
        if self.request is None:
            return self.candidate
        return side_by_side([spread(self.request, self.index, self.candidate), self.candidate])

    def linear(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """``W x + b``, the request's product worked out once a request.

            W [x_r, x_c] + b = (W_r x_r)[index] + (W_c x_c + b)

        For one request W_r x_r + b is the bias of the candidates' product.

        Args:
            weight: W, ``(o, r + c)``.
            bias: b, ``(o,)``.
        """
        if self.request is None:
            return functional.linear(self.candidate, weight, bias)
        r = self.request.shape[1]
        if self.index is None:
            once = functional.linear(self.request, weight[:, :r], bias)
            return torch.addmm(once, self.candidate, weight[:, r:].T)
        of_request = functional.linear(self.request, weight[:, :r])
        return of_rows(of_request, self.index) + functional.linear(self.candidate, weight[:, r:], bias)

    def scaled_linear(self, weight: Tensor, wide: Tensor, shift: Tensor, narrow: Tensor) -> Tensor:
        """``W (x ⊙ (U n + s))``: a product of inputs whose scale is a linear layer's.

        For one request, its share of both products is a single one that is as narrow as n:

            W_r (x_r ⊙ (U_r n + s_r)) = (W_r diag(x_r) U_r) n + (W_r diag(x_r)) s_r

        Args:
            weight: W, ``(o, r + c)``.
            wide: U, ``(r + c, k)``.
            shift: s, ``(r + c,)``.
            narrow: n, ``(N, k)``.
        """
        if self.request is None or self.index is not None:
            return functional.linear(self.flat * functional.linear(narrow, wide, shift), weight)
        r = self.request.shape[1]
        of_request = weight[:, :r] * self.request
        of_shift = functional.linear(shift[:r].unsqueeze(0), of_request)
        once = torch.addmm(of_shift, narrow, (of_request @ wide[:r]).T)
        scale = functional.linear(narrow, wide[r:], shift[r:])
        return torch.addmm(once, self.candidate * scale, weight[:, r:].T)


def of_rows(request: Tensor, index: Tensor | None) -> Tensor:
    """What was worked out once a request, ``(R, ...)``, for each of its rows, ``(N, ...)``.

    Of one request, without an index, it stays ``(1, ...)``, to be broadcast.
    """
    return request if index is None else request.index_select(0, index)


def spread(request: Tensor, index: Tensor | None, candidate: Tensor) -> Tensor:
    """The same where something is laid beside it and a broadcast will not do: always ``(N, ...)``."""
    return request.expand(candidate.shape[0], *request.shape[1:]) if index is None else of_rows(request, index)


def side_by_side(parts: list[Tensor]) -> Tensor:
    """Joined along axis 1; what is empty is left out, for it would stay in an exported graph."""
    held = [part for part in parts if part.shape[1]]
    return torch.cat(held, dim=1) if len(held) > 1 else (held or parts)[0]
