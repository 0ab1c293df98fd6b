"""``FeatureSpec``: which inputs a ranker has, in which order and of which size; its hash ties a model to them."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

__all__ = ["CategoricalFeature", "DenseFeature", "FeatureSpec", "MultiValuedFeature", "SequenceFeature"]

Size = Annotated[int, msgspec.Meta(ge=1)]


class DenseFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A real number, always finite: what is unknown has a value of its own and, where that is ambiguous, a flag.

    Attributes:
        name: unique in the spec.
        meaning: one line, with the transformation that was applied.
    """

    name: str
    meaning: str


class CategoricalFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One id in ``[0, size)``; 0 is unknown."""

    name: str
    size: Size


class MultiValuedFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to ``length`` ids in ``[1, size)``, padded with 0."""

    name: str
    size: Size
    length: Size


class SequenceFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to ``length`` ids of a request in order, newest first, padded with 0, such as what a user clicked.

    Attributes:
        name: unique in the spec.
        size: ids there are; of ``like``, where that is given.
        length: at most.
        like: the categorical feature of a candidate whose ids, and whose table, these are: target attention compares
            the two. None for ids of their own.
    """

    name: str
    size: Size
    length: Size
    like: str | None = None


class FeatureSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The inputs of a ranker, in order.

    Attributes:
        request: dense features of a request, computed once however many candidates it has.
        candidate: dense features of a (request, candidate) pair.
        categorical: ids of a candidate.
        multi_valued: lists of ids of a candidate.
        request_categorical: ids of a request.
        sequences: lists of ids of a request.

    Example:
        >>> a = FeatureSpec(request=(DenseFeature("n_liked", "log1p"),), candidate=(), categorical=(), multi_valued=())
        >>> b = FeatureSpec(request=(DenseFeature("n_seen", "log1p"),), candidate=(), categorical=(), multi_valued=())
        >>> a.hash == b.hash, len(a.hash)
        (False, 64)
    """

    request: tuple[DenseFeature, ...]
    candidate: tuple[DenseFeature, ...]
    categorical: tuple[CategoricalFeature, ...]
    multi_valued: tuple[MultiValuedFeature, ...]
    request_categorical: tuple[CategoricalFeature, ...] = ()
    sequences: tuple[SequenceFeature, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the spec, in hex: equal exactly where names, meanings, order and sizes are."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()
