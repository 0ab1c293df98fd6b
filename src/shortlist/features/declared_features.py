"""A declaration, fitted: tables of requests and candidates in, a ranker's inputs out, in training and when serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.core.errors import DataError, ReleaseError
from shortlist.features.declaration import Category, Declaration, History, Number, Tags, Words
from shortlist.features.declared_rows import DeclaredRows
from shortlist.features.event_store import EventStore
from shortlist.features.hashing import CollisionReport, collision_report, hashed_ids
from shortlist.features.spec import (
    CategoricalFeature,
    DenseFeature,
    FeatureSpec,
    MultiValuedFeature,
    SequenceFeature,
)
from shortlist.features.text import hashed, words
from shortlist.features.transforms import Transform
from shortlist.features.vocabulary import Vocabulary

__all__ = ["DeclaredFeatures"]

_FILE, _TABLES = "features.json", "vocabularies.safetensors"
_Side = Literal["request", "candidate"]


class _Fitted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``features.json``."""

    declaration: Declaration
    transforms: dict[str, Transform]
    spec_hash: str


class DeclaredFeatures:
    """The features of a declaration, with the vocabularies and transforms of some training rows.

    Numbers and statistics are dense inputs, categories and crosses are ids, tags and words are lists, histories are
    sequences that share the table of the category they are like. An id that training has not met is 0.

    Args:
        declaration: what there is.
        vocabularies: of categories and tags that are numbered, by name.
        transforms: of numbers by name, and of the statistics by the name of their column.

    Attributes:
        spec: the inputs that ``compute`` gives, in order.
    """

    def __init__(
        self,
        declaration: Declaration,
        vocabularies: Mapping[str, Vocabulary],
        transforms: Mapping[str, Transform],
    ) -> None:
        self.declaration = declaration
        self._vocabularies, self._transforms = dict(vocabularies), dict(transforms)
        empty = EventStore(declaration, _no_events(declaration))
        self._statistics = (empty.request_names, empty.candidate_names)
        self.spec = self._spec()

    @classmethod
    def fit(cls, declaration: Declaration, store: EventStore, rows: DeclaredRows) -> DeclaredFeatures:
        """Vocabularies and transforms of training rows.

        Raises:
            DataError: a column is missing, of a wrong kind, or infinite.
        """
        vocabularies: dict[str, Vocabulary] = {}
        transforms: dict[str, Transform] = {}
        for one in declaration.features:
            match one:
                case Category(buckets=None):
                    key = rows.keys(declaration, one.columns)
                    vocabularies[one.name] = Vocabulary.fit(key, least=one.least)
                case Tags():
                    key, _ = rows.lists(declaration, one.column)
                    vocabularies[one.name] = Vocabulary.fit(key, least=one.least)
                case Number():
                    value = rows.numbers(declaration, one.column)
                    transforms[one.name] = Transform.fit(one.transform, value, where=one.column)
                case _:
                    pass
        names = store.request_names, store.candidate_names
        for held, columns in zip(names, store.statistics(rows), strict=True):
            for name, column in zip(held, columns.T, strict=True):
                transforms[name] = Transform.fit(declaration.statistic_of(name).transform, column, where=name)
        return cls(declaration, vocabularies, transforms)

    def compute(self, store: EventStore, rows: DeclaredRows) -> dict[str, Array]:
        """A model's inputs by name, as the ``InputSizes`` of ``spec`` name them.

        Args:
            store: of what happened; only events before a request's ``as_of_us`` count for it.
            rows: requests and candidates; columns that the declaration does not name are left alone.

        Raises:
            DataError: a column is missing, of a wrong kind, or infinite.
        """
        declaration = self.declaration
        ids: dict[_Side, list[Int64]] = {"request": [], "candidate": []}
        lists: dict[_Side, list[Int64]] = {"request": [], "candidate": []}
        dense: dict[_Side, list[Float32]] = {"request": [], "candidate": []}
        for one in declaration.features:
            match one:
                case Number():
                    value = rows.numbers(declaration, one.column)
                    dense[self._side(one.column)].append(self._transforms[one.name].apply(value, where=one.column))
                case Category():
                    key = rows.keys(declaration, one.columns)
                    ids[self._side(*one.columns)].append(self._numbered(one, key))
                case Tags():
                    key, length = rows.lists(declaration, one.column)
                    number = self._vocabularies[one.name].numbers(key)
                    lists[self._side(one.column)].append(_padded(number, length, one.length))
                case Words():
                    text = rows.texts(declaration, one.column)
                    lists[self._side(one.column)].append(_words(text, one))
                case History():
                    user = rows.keys(declaration, (declaration.user,))
                    latest = store.latest(one, user, rows)
                    lists["request"].append(self._numbered(declaration.category_of(one), latest))
        inputs: dict[str, Array] = {"request_index": rows.index}
        sides: tuple[_Side, _Side] = ("request", "candidate")
        for side, names, values in zip(sides, self._statistics, store.statistics(rows), strict=True):
            dense[side] += [self._transforms[name].apply(v) for name, v in zip(names, values.T, strict=True)]
            n = len(rows.requests if side == "request" else rows.candidates)
            inputs[f"{side}_dense"] = _stacked(dense[side], np.zeros((n, 0), dtype=np.float32))
            inputs[f"{side}_ids"] = _stacked(ids[side], np.zeros((n, 0), dtype=np.int64))
            inputs |= {f"{side}_list_{k}": padded for k, padded in enumerate(lists[side])}
        return inputs

    def collisions(self, rows: DeclaredRows) -> dict[str, CollisionReport]:
        """What hashing costs on these rows, by the name of each category that has buckets."""
        return {
            one.name: collision_report(rows.keys(self.declaration, one.columns), one.buckets)
            for one in self.declaration.features
            if isinstance(one, Category) and one.buckets is not None
        }

    def save(self, folder: Path) -> None:
        """Write ``features.json`` and ``vocabularies.safetensors``."""
        folder.mkdir(parents=True, exist_ok=True)
        held = _Fitted(declaration=self.declaration, transforms=self._transforms, spec_hash=self.spec.hash)
        (folder / _FILE).write_bytes(msgspec.json.encode(held))
        save_file({name: one.keys for name, one in self._vocabularies.items()}, folder / _TABLES)

    @classmethod
    def load(cls, folder: Path) -> DeclaredFeatures:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: a file is missing or torn, or this version would compute other features than were saved.
        """
        try:
            held = msgspec.json.decode((folder / _FILE).read_bytes(), type=_Fitted)
            tables = load_file(folder / _TABLES)
            found = cls(held.declaration, {name: Vocabulary(keys) for name, keys in tables.items()}, held.transforms)
        except (OSError, SafetensorError, msgspec.MsgspecError, KeyError, DataError) as error:
            raise ReleaseError(
                f"the features cannot be read: {error}", where=str(folder), fix="train a new release"
            ) from None
        if found.spec.hash != held.spec_hash:
            raise ReleaseError(
                "this version computes other features than were saved",
                where=str(folder / _FILE),
                fix="train a new release, or install the version that wrote it",
            )
        return found

    def _spec(self) -> FeatureSpec:
        dense: dict[_Side, list[DenseFeature]] = {"request": [], "candidate": []}
        categorical: dict[_Side, list[CategoricalFeature]] = {"request": [], "candidate": []}
        lists: list[MultiValuedFeature] = []
        sequences: list[SequenceFeature] = []
        for one in self.declaration.features:
            match one:
                case Number():
                    meaning = f"{one.column}, transform {one.transform}"
                    dense[self._side(one.column)].append(DenseFeature(one.name, meaning))
                case Category():
                    categorical[self._side(*one.columns)].append(CategoricalFeature(one.name, self._size(one)))
                case Tags() | Words():
                    if self._side(one.column) == "request":
                        sequences.append(SequenceFeature(one.name, self._size(one), one.length))
                    else:
                        lists.append(MultiValuedFeature(one.name, self._size(one), one.length))
                case History():
                    size = self._size(self.declaration.category_of(one))
                    sequences.append(SequenceFeature(one.name, size, one.length, one.like))
        sides: tuple[_Side, _Side] = ("request", "candidate")
        for side, names in zip(sides, self._statistics, strict=True):
            dense[side] += [DenseFeature(name, self.declaration.statistic_of(name).meaning) for name in names]
        return FeatureSpec(
            request=tuple(dense["request"]),
            candidate=tuple(dense["candidate"]),
            categorical=tuple(categorical["candidate"]),
            multi_valued=tuple(lists),
            request_categorical=tuple(categorical["request"]),
            sequences=tuple(sequences),
        )

    def _side(self, *columns: str) -> _Side:
        return "request" if self.declaration.of_request(columns) else "candidate"

    def _size(self, one: Category | Tags | Words) -> int:
        buckets = None if isinstance(one, Tags) else one.buckets
        return self._vocabularies[one.name].size if buckets is None else buckets + 1

    def _numbered(self, one: Category, key: Int64) -> Int64:
        if one.buckets is None:
            return self._vocabularies[one.name].numbers(key)
        return hashed_ids(key, one.buckets)


def _no_events(declaration: Declaration) -> pl.DataFrame:
    ids = dict.fromkeys(("at_us", *declaration.event_columns), pl.Int64())
    return pl.DataFrame(schema=ids | dict.fromkeys(declaration.outcomes, pl.Float64()))


def _padded(flat: Int64, length: Int64, longest: int) -> Int64:
    """The first ``longest`` numbers of each list, 0 where it ends."""
    place = np.arange(longest)
    held = place < length[:, None]
    first = np.cumsum(length) - length
    return np.where(held, np.append(flat, 0)[np.where(held, first[:, None] + place, -1)], 0)


def _words(texts: Sequence[str], one: Words) -> Int64:
    """Hashed words ``(n, length)``; a text that stands in many rows is read once."""
    number: dict[str, int] = {}
    row = np.array([number.setdefault(text, len(number)) for text in texts], dtype=np.int64)
    out = np.zeros((len(number), one.length), dtype=np.int64)
    for text, place in number.items():
        buckets = hashed(words(text)[: one.length], one.buckets)
        out[place, : len(buckets)] = buckets
    return out[row]


def _stacked(columns: Sequence[Array], none: Array) -> Array:
    return np.stack(columns, axis=1) if columns else none
