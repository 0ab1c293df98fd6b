"""A declaration, fitted: tables of requests and candidates in, a ranker's inputs out, in training and when serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.core.errors import DataError, ReleaseError
from shortlist.features.column_keys import column_keys, numbers, table_column
from shortlist.features.declaration import Category, Declaration, History, Number, Tags, Words
from shortlist.features.event_store import EventStore
from shortlist.features.hashing import hashed_ids, pair_keys
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

__all__ = ["DeclaredFeatures", "Rows"]

_FILE, _TABLES = "features.json", "vocabularies.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Requests and their candidates.

    Attributes:
        requests: R rows with the columns of ``Declaration.request``.
        candidates: N rows with the other columns.
        index: int64 ``(N,)``, the request of each candidate.
        as_of_us: int64 ``(R,)``: what happened before this is known. A row learns what it would be served with if this
            is as old in training as the store will be when it is served.
    """

    requests: pl.DataFrame
    candidates: pl.DataFrame
    index: Int64
    as_of_us: Int64

    @classmethod
    def impressions(cls, table: pl.DataFrame, as_of_us: Int64) -> Rows:
        """A log of single impressions: each is a request with one candidate."""
        return cls(table, table, np.arange(len(table)), as_of_us)

    def take(self, chosen: Int64) -> Rows:
        """Some requests of one candidate each, such as a log's impressions."""
        if not np.array_equal(self.index, np.arange(len(self.requests))):
            raise DataError("a request has several candidates", where="rows", fix="take rows of single impressions")
        return Rows(
            self.requests[chosen], self.candidates[chosen], np.arange(len(chosen)), np.asarray(self.as_of_us)[chosen]
        )


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
        transforms: of numbers, and of the statistics by column name.
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
    def fit(cls, declaration: Declaration, store: EventStore, rows: Rows) -> DeclaredFeatures:
        """Vocabularies and transforms of training rows.

        Raises:
            DataError: a column is missing, of a wrong kind, or infinite.
        """
        vocabularies: dict[str, Vocabulary] = {}
        transforms: dict[str, Transform] = {}
        for one in declaration.features:
            match one:
                case Category(buckets=None):
                    key = _crossed(one.columns, _table(declaration, rows, one.columns))
                    vocabularies[one.name] = Vocabulary.fit(key, least=one.least)
                case Tags():
                    key = column_keys(
                        _lists(one.column, _table(declaration, rows, (one.column,))).explode(), where="rows"
                    )
                    vocabularies[one.name] = Vocabulary.fit(key, least=one.least)
                case Number():
                    transforms[one.name] = Transform.fit(
                        one.transform, _number(declaration, rows, one), where=one.column
                    )
                case _:
                    pass
        found = cls(declaration, vocabularies, transforms)
        for names, columns in zip(found._statistics, found._raw_statistics(store, rows), strict=True):
            for name, column in zip(names, columns.T, strict=True):
                found._transforms[name] = Transform.fit("quantile", column, where=name)
        return found

    def compute(self, store: EventStore, rows: Rows) -> dict[str, Array]:
        """A model's inputs by name, as the ``InputSizes`` of ``spec`` name them.

        Args:
            store: of what happened; only events before a request's ``as_of_us`` count for it.
            rows: requests and candidates; columns that the declaration does not name are left alone.

        Raises:
            DataError: a column is missing, of a wrong kind, or infinite.
        """
        inputs: dict[str, Array] = {"request_index": rows.index}
        dense = self._dense(store, rows)
        for side, values in zip(("request", "candidate"), dense, strict=True):
            inputs[f"{side}_dense"] = values
        lists = {"request": 0, "candidate": 0}
        ids: dict[str, list[Int64]] = {"request": [], "candidate": []}
        for one in self.declaration.features:
            side, values = self._ids(one, store, rows)
            if isinstance(one, Category):
                ids[side].append(values)
            elif not isinstance(one, Number):
                inputs[f"{side}_list_{lists[side]}"] = values
                lists[side] += 1
        for side, columns in ids.items():
            n = len(rows.requests if side == "request" else rows.candidates)
            inputs[f"{side}_ids"] = np.stack(columns, axis=1) if columns else np.zeros((n, 0), dtype=np.int64)
        return inputs

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
        declaration = self.declaration
        dense: dict[bool, list[DenseFeature]] = {True: [], False: []}
        categorical: dict[bool, list[CategoricalFeature]] = {True: [], False: []}
        lists: dict[bool, list[MultiValuedFeature]] = {True: [], False: []}
        sequences: list[SequenceFeature] = []
        for one in declaration.features:
            match one:
                case Number():
                    meaning = f"{one.column}, transform {one.transform}"
                    dense[declaration.of_request((one.column,))].append(DenseFeature(one.name, meaning))
                case Category():
                    size = self._size(one)
                    categorical[declaration.of_request(one.columns)].append(CategoricalFeature(one.name, size))
                case Tags() | Words():
                    size = self._vocabularies[one.name].size if isinstance(one, Tags) else one.buckets + 1
                    side = declaration.of_request((one.column,))
                    lists[side].append(MultiValuedFeature(one.name, size, one.length))
                    if side:
                        sequences.append(SequenceFeature(one.name, size, one.length))
                case History():
                    like = next(f for f in declaration.features if isinstance(f, Category) and f.name == one.like)
                    sequences.append(SequenceFeature(one.name, self._size(like), one.length, one.like))
        for side, names in zip((True, False), self._statistics, strict=True):
            dense[side] += [DenseFeature(name, "as of the request's instant, transform quantile") for name in names]
        return FeatureSpec(
            request=tuple(dense[True]),
            candidate=tuple(dense[False]),
            categorical=tuple(categorical[False]),
            multi_valued=tuple(lists[False]),
            request_categorical=tuple(categorical[True]),
            sequences=tuple(sequences),
        )

    def _size(self, one: Category) -> int:
        return self._vocabularies[one.name].size if one.buckets is None else one.buckets + 1

    def _numbered(self, one: Category, key: Int64) -> Int64:
        if one.buckets is None:
            return self._vocabularies[one.name].numbers(key)
        return hashed_ids(key, one.buckets)

    def _ids(self, one: object, store: EventStore, rows: Rows) -> tuple[str, Int64]:
        """The side of a feature of ids, and they themselves; of a number nothing."""
        declaration = self.declaration
        match one:
            case Category():
                key = _crossed(one.columns, _table(declaration, rows, one.columns))
                return _side(declaration, one.columns), self._numbered(one, key)
            case Tags():
                lists = _lists(one.column, _table(declaration, rows, (one.column,)))
                flat = column_keys(lists.explode(), where="rows")
                key = _padded(flat, lists.list.len().fill_null(0).to_numpy(), one.length)
                return _side(declaration, (one.column,)), self._vocabularies[one.name].numbers(key)
            case Words():
                texts = table_column(_table(declaration, rows, (one.column,)), one.column, where="rows")
                out = np.zeros((len(texts), one.length), dtype=np.int64)
                for row, text in enumerate(texts.fill_null("").to_list()):
                    buckets = hashed(words(text)[: one.length], one.buckets)
                    out[row, : len(buckets)] = buckets
                return _side(declaration, (one.column,)), out
            case History():
                user = column_keys(table_column(rows.requests, declaration.user, where="requests"), where="requests")
                like = next(f for f in declaration.features if isinstance(f, Category) and f.name == one.like)
                return "request", self._numbered(like, store.latest(one, user, rows.as_of_us))
            case _:
                return "", np.empty(0, dtype=np.int64)

    def _dense(self, store: EventStore, rows: Rows) -> tuple[Float32, Float32]:
        columns: dict[bool, list[Float32]] = {True: [], False: []}
        for one in self.declaration.features:
            if isinstance(one, Number):
                value = self._transforms[one.name].apply(_number(self.declaration, rows, one), where=one.column)
                columns[self.declaration.of_request((one.column,))].append(value)
        raw = self._raw_statistics(store, rows)
        for side, names, values in zip((True, False), self._statistics, raw, strict=True):
            columns[side] += [self._transforms[name].apply(v) for name, v in zip(names, values.T, strict=True)]
        return _stacked(columns[True], len(rows.requests)), _stacked(columns[False], len(rows.candidates))

    def _raw_statistics(self, store: EventStore, rows: Rows) -> tuple[Float32, Float32]:
        declaration = self.declaration
        counted = tuple(dict.fromkeys(column for one in declaration.statistics for column in one.columns))
        mine = {
            name: column_keys(table_column(rows.requests, name, where="requests"), where="requests")
            for name in counted
            if name in declaration.request
        }
        request = store.request_statistics(mine, rows.as_of_us)
        if not self._statistics[1]:
            return request, np.zeros((len(rows.candidates), 0), dtype=np.float32)
        keys = {
            name: mine[name][rows.index]
            if name in mine
            else column_keys(table_column(rows.candidates, name, where="candidates"), where="candidates")
            for name in counted
        }
        return request, store.candidate_statistics(keys, np.asarray(rows.as_of_us)[rows.index])


def _no_events(declaration: Declaration) -> pl.DataFrame:
    ids = dict.fromkeys(("at_us", *declaration.event_columns), pl.Int64())
    return pl.DataFrame(schema=ids | dict.fromkeys(declaration.outcomes, pl.Float64()))


def _side(declaration: Declaration, columns: Sequence[str]) -> str:
    return "request" if declaration.of_request(tuple(columns)) else "candidate"


def _table(declaration: Declaration, rows: Rows, columns: tuple[str, ...]) -> pl.DataFrame:
    """A table of R rows for the request's columns, of N rows for the candidate's and for crosses of both."""
    if declaration.of_request(columns):
        return rows.requests
    mine = [name for name in columns if name in declaration.request]
    if not mine:
        return rows.candidates
    theirs = [name for name in columns if name not in declaration.request]
    return rows.candidates.select(theirs).hstack(rows.requests.select(mine)[rows.index])


def _crossed(columns: tuple[str, ...], table: pl.DataFrame) -> Int64:
    key, *others = (column_keys(table_column(table, name, where="rows"), where="rows") for name in columns)
    for other in others:
        key = pair_keys(key, other)
    return key


def _number(declaration: Declaration, rows: Rows, one: Number) -> Float64:
    return numbers(table_column(_table(declaration, rows, (one.column,)), one.column, where="rows"), where="rows")


def _lists(name: str, table: pl.DataFrame) -> pl.Series:
    column = table_column(table, name, where="rows")
    if not isinstance(column.dtype, pl.List):
        raise DataError(f"{name!r} holds {column.dtype}, not lists", where="rows", fix="give a list of ids a row")
    return column


def _padded(flat: Int64, lengths: Int64, longest: int) -> Int64:
    """The first ``longest`` keys of each list, -1 where it ends; ``explode`` gives an empty list one null."""
    given = np.maximum(lengths, 1)
    first = np.cumsum(given) - given
    place = np.arange(longest)
    held = place < lengths[:, None]
    return np.where(held, flat[np.where(held, first[:, None] + place, 0)] if len(flat) else -1, -1)


def _stacked(columns: Sequence[Float32], n: int) -> Float32:
    return np.stack(columns, axis=1) if columns else np.zeros((n, 0), dtype=np.float32)
