"""A log of shown lists, and the policies that one wants judged on it: two tables of Parquet, and nothing else.

``LIST_LOG`` has a row a place of a served page. ``POLICIES`` has a row a policy, context and candidate, with the score
that its slot softmax draws by; the first policy is the one that served the log. A context is whatever the candidates
and their scores depend on: a query, or a group of users with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.evaluation.off_policy.list_policy import ListPolicy

__all__ = [
    "LIST_LOG",
    "POLICIES",
    "ListLog",
    "PolicyTable",
    "policy_frame",
    "read_list_log",
    "read_policies",
    "read_table",
]

LIST_LOG: dict[str, pl.DataType] = {
    "request": pl.Int64(),
    "user": pl.Int64(),
    "at_us": pl.Int64(),
    "context": pl.Int64(),
    "place": pl.Int64(),
    "item": pl.Int64(),
    "selection_propensity": pl.Float64(),
    "click": pl.Boolean(),
    "satisfied": pl.Boolean(),
    "converted_us": pl.Int64(),
    "returned": pl.Boolean(),
    "simulated": pl.Boolean(),
}
"""``place`` from 1; ``converted_us`` null where no conversion has arrived; ``returned`` belongs to the request."""

POLICIES: dict[str, pl.DataType] = {
    "policy": pl.String(),
    "temperature": pl.Float64(),
    "context": pl.Int64(),
    "item": pl.Int64(),
    "score": pl.Float64(),
}
_USER = "user"
_NEEDED = ("request", "context", "place", "item", "selection_propensity", "click")


@dataclass(frozen=True, slots=True, eq=False)
class PolicyTable:
    """``P`` policies over the same ``G`` contexts with ``n`` candidates each; the first one served.

    Attributes:
        names: of the policies.
        temperature: float64 ``(P,)``.
        item: int64 ``(G, n)``, rising within a context.
        score: float64 ``(P, G, n)``.
    """

    names: tuple[str, ...]
    temperature: Float64
    item: Int64
    score: Float64

    def policy(self, number: int, places: int) -> ListPolicy:
        """One of them over lists of that many places."""
        return ListPolicy.softmax(self.score[number], temperature=float(self.temperature[number]), places=places)


@dataclass(frozen=True, slots=True, eq=False)
class ListLog:
    """``S`` lists of ``L`` places.

    Attributes:
        context: int64 ``(S,)``.
        shown: int64 ``(S, L)``, numbers of candidates within their context.
        propensity: float64 ``(S, L)``, P(item at this place | slots above).
        click: bool ``(S, L)``.
        user: int64 ``(S,)``, whose lists belong together; None where the log does not tell.
    """

    context: Int64
    shown: Int64
    propensity: Float64
    click: Bool
    user: Int64 | None = None

    def __len__(self) -> int:
        return len(self.context)

    @classmethod
    def joined(cls, logs: Sequence[ListLog]) -> ListLog:
        """Several logs of one feed, one after the other; with users where all of them have some."""
        parts = zip(*((log.context, log.shown, log.propensity, log.click) for log in logs), strict=True)
        context, shown, propensity, click = (np.concatenate(column) for column in parts)
        users = [log.user for log in logs if log.user is not None]
        return cls(context, shown, propensity, click, np.concatenate(users) if len(users) == len(logs) else None)

    def take(self, rows: Int64) -> ListLog:
        """Some of the lists, in that order."""
        user = None if self.user is None else self.user[rows]
        return ListLog(self.context[rows], self.shown[rows], self.propensity[rows], self.click[rows], user)

    def clusters(self) -> Int64:
        """A number from 0 for each list, int64 ``(S,)``, the same for the lists of one user."""
        if self.user is None:
            return np.arange(len(self))
        return np.asarray(np.unique(self.user, return_inverse=True)[1], dtype=np.int64)


def policy_frame(table: PolicyTable) -> pl.DataFrame:
    """The table that ``read_policies`` reads."""
    p, g, n = table.score.shape
    return pl.DataFrame(
        {
            "policy": np.repeat(np.array(table.names), g * n),
            "temperature": np.repeat(table.temperature, g * n),
            "context": np.tile(np.repeat(np.arange(g), n), p),
            "item": np.tile(table.item.ravel(), p),
            "score": table.score.ravel(),
        },
        schema=POLICIES,
    )


def read_policies(path: Path) -> PolicyTable:
    """Read ``POLICIES``.

    Raises:
        DataError: a column is missing, or the policies differ in their contexts or candidates.
    """
    rows = read_table(path, POLICIES, tuple(POLICIES))
    if not rows["temperature"].is_finite().all():
        raise DataError("a temperature is not a finite number", where=str(path), fix="give one above 0")
    names = tuple(rows["policy"].unique(maintain_order=True).to_list())
    contexts = rows["context"].n_unique()
    candidates = len(rows) // max(1, len(names) * contexts)
    where, fix = str(path), "give every policy the same contexts 0, 1, ... and the same candidates"
    if not names or len(rows) != len(names) * contexts * candidates:
        raise DataError(f"{len(rows)} rows are not {len(names)} policies alike", where=where, fix=fix)
    order = {name: number for number, name in enumerate(names)}
    rows = rows.with_columns(number=pl.col("policy").replace_strict(order, return_dtype=pl.Int64))
    rows = rows.sort("number", "context", "item")
    shape = (len(names), contexts, candidates)
    item, context = (rows[name].to_numpy().reshape(shape) for name in ("item", "context"))
    same = (item == item[0]).all() and (context == np.arange(contexts)[:, None]).all()
    if not same or (candidates > 1 and (np.diff(item[0]) <= 0).any()):
        raise DataError("the policies' contexts or candidates differ", where=where, fix=fix)
    temperature, score = (rows[name].to_numpy().reshape(shape) for name in ("temperature", "score"))
    if (temperature != temperature[:, :1, :1]).any():
        raise DataError("a policy has several temperatures", where=where, fix="give each policy one")
    return PolicyTable(names, temperature[:, 0, 0], item[0], score)


def read_list_log(path: Path, policies: PolicyTable) -> ListLog:
    """Read a log; of ``LIST_LOG`` the columns request, context, place, item, selection_propensity and click suffice.

    A user is kept where there is one.

    Raises:
        DataError: a column is missing, places are not numbered from 1 or come twice, lists have different lengths, or
            an item is not among its context's candidates.
    """
    rows = read_table(path, LIST_LOG, _NEEDED, optional=(_USER,)).sort("request", "place")
    _check_places(rows, path)
    places = int(rows["place"].max() or 0)  # type: ignore[arg-type]
    alike = len(rows) % places == 0
    if alike:
        place, request = (rows[name].to_numpy().reshape(-1, places) for name in ("place", "request"))
        alike = bool((place == np.arange(1, places + 1)).all() and (request == request[:, :1]).all())
    if not alike:
        raise DataError("lists have different lengths", where=str(path), fix="log places 1 to L of every page")
    context, item = (rows[name].to_numpy().reshape(-1, places) for name in ("context", "item"))
    if (context != context[:, :1]).any():
        raise DataError("a page has several contexts", where=str(path), fix="give each page one")
    if context.min() < 0 or context.max() >= len(policies.item):
        raise DataError("a context has no candidates", where=str(path), fix="give candidates for contexts 0, 1, ...")
    user = rows[_USER].to_numpy().reshape(-1, places) if _USER in rows.columns else None
    if user is not None and (user != user[:, :1]).any():
        raise DataError("a page has several users", where=str(path), fix="give each page one, or leave the column out")
    of = policies.item[context[:, 0]]
    shown = (of[:, None, :] < item[:, :, None]).sum(axis=2)
    at = np.minimum(shown, of.shape[1] - 1)
    if (np.take_along_axis(of, at, axis=1) != item).any():
        raise DataError("an item is not among its context's candidates", where=str(path), fix="list all candidates")
    return ListLog(
        context=context[:, 0],
        shown=at,
        propensity=rows["selection_propensity"].to_numpy().reshape(-1, places),
        click=rows["click"].to_numpy().reshape(-1, places),
        user=None if user is None else user[:, 0],
    )


def _check_places(rows: pl.DataFrame, path: Path) -> None:
    place, request = (rows[name].to_numpy() for name in ("place", "request"))
    if place.min() < 1:
        raise DataError(f"there is a place {place.min()}", where=str(path), fix="number the places of a page from 1")
    twice = np.flatnonzero((place[1:] == place[:-1]) & (request[1:] == request[:-1]))
    if len(twice):
        raise DataError(
            f"request {request[twice[0]]} has place {place[twice[0]]} more than once",
            where=str(path),
            fix="give every page a request of its own, and each of its places one row",
        )


def read_table(
    path: Path, schema: dict[str, pl.DataType], names: tuple[str, ...], *, optional: tuple[str, ...] = ()
) -> pl.DataFrame:
    """Some columns of a table, of their types and without nulls; ``optional`` ones where they are there.

    Raises:
        DataError: they are not.
    """
    try:
        held = pl.read_parquet_schema(path)
        missing = [name for name in names if name not in held]
        present = [name for name in (*names, *optional) if name in held]
        rows = pl.read_parquet(path, columns=present)
    except FileNotFoundError:
        raise DataError("there is no such file", where=str(path), fix="give the path of a Parquet file") from None
    except (OSError, pl.exceptions.PolarsError):
        raise DataError("the file cannot be read", where=str(path), fix="give a Parquet file") from None
    if missing:
        raise DataError(f"column {missing[0]!r} is missing", where=str(path), fix=f"give {', '.join(names)}")
    if not len(rows):
        raise DataError("the table has no rows", where=str(path), fix="give one that is not empty")
    for name in present:
        if rows[name].dtype != schema[name] or rows[name].null_count():
            raise DataError(
                f"column {name!r} is {rows[name].dtype}, {rows[name].null_count()} nulls",
                where=str(path),
                fix=f"make it {schema[name]} without nulls",
            )
    return rows
