"""MSLR-WEB30K, or any part of it: graded lists with features, in SVMlight's text with ``qid``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shortlist.core.arrays import Float32, Int64
from shortlist.core.errors import DataError, DatasetUnavailable
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.known import MSLR

__all__ = ["GradedLists", "load_mslr", "read_graded_lists"]


@dataclass(frozen=True, slots=True, eq=False)
class GradedLists:
    """Queries with their graded rows, list by list.

    Attributes:
        features: float32 ``(N, F)``; a feature that a row does not name is 0.
        grade: int64 ``(N,)``; 0 is irrelevant.
        query: int64 ``(Q,)``, the ids in the file's order.
        offsets: int64 ``(Q + 1,)``.
    """

    features: Float32
    grade: Int64
    query: Int64
    offsets: Int64


def load_mslr() -> GradedLists:
    """Read ``$SHORTLIST_DATA/mslr/``.

    Raises:
        DatasetUnavailable: it is not there.
        DataError: it is not SVMlight's text with query ids.
    """
    folder = shared_folder(MSLR.name)
    files = [] if folder is None else sorted([*folder.glob("*.txt"), *folder.glob("*.txt.gz")])
    if not files:
        raise DatasetUnavailable(
            "MSLR-WEB30K is not here, and its makers ask to be visited",
            where=MSLR.official,
            fix="put a fold's train.txt, or its first lines, whole or as .gz, into $SHORTLIST_DATA/mslr/",
        )
    return read_graded_lists(files[0])


def read_graded_lists(path: Path) -> GradedLists:
    """Read lines of ``grade qid:query feature:value ...``, plain or ``.gz``.

    Raises:
        DataError: a line is not such a line, or a query's lines do not lie together.
    """
    from sklearn.datasets import load_svmlight_file

    try:
        rows, grade, query = load_svmlight_file(str(path), query_id=True, dtype=np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"the file cannot be read: {error}", where=str(path), fix="give lines of 'grade qid:1 1:0.5 2:3'"
        ) from None
    starts = np.flatnonzero(np.diff(query, prepend=query[:1] - 1))
    ids = np.asarray(query[starts], dtype=np.int64)
    if not len(grade):
        raise DataError("there are no rows", where=str(path), fix="give lines of 'grade qid:1 1:0.5 2:3'")
    if len(np.unique(ids)) < len(ids) or len(query) != len(grade):
        raise DataError("a query's lines do not lie together", where=str(path), fix="sort the file by qid")
    if not (np.isfinite(rows.data).all() and (grade >= 0).all() and (grade == np.floor(grade)).all()):
        raise DataError("a grade or a feature is no such number", where=str(path), fix="use the file as published")
    return GradedLists(
        features=np.asarray(rows.toarray(), dtype=np.float32),
        grade=grade.astype(np.int64),
        query=ids,
        offsets=np.append(starts, len(query)).astype(np.int64),
    )
