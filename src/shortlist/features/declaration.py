"""``Declaration``: which features a ranker has, as columns of your tables; everything else is worked out from it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from shortlist.core.errors import DataError
from shortlist.features.statistics_table import Statistic, statistic_name
from shortlist.features.transforms import TransformKind

__all__ = ["Category", "Declaration", "Feature", "History", "Number", "Tags", "Words"]

_Positive = Annotated[int, msgspec.Meta(ge=1)]


class Number(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="number"):
    """A real number; what is missing becomes the middle of the training rows.

    Attributes:
        name: unique in the declaration.
        column: of the table.
        transform: see ``Transform``.
    """

    name: str
    column: str
    transform: TransformKind = "quantile"


class Category(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="category"):
    """An id, or the cross of several.

    Attributes:
        name: unique in the declaration.
        columns: of the table; several are crossed.
        least: training rows that an id needs to have a number of its own; with fewer it is the unknown one.
        buckets: hash into this many instead of numbering what was met; None numbers.
    """

    name: str
    columns: tuple[str, ...]
    least: _Positive = 1
    buckets: _Positive | None = None


class Tags(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="tags"):
    """Several ids at once, the first ones kept.

    Attributes:
        name: unique in the declaration.
        column: of lists.
        length: at most.
        least: training rows that an id needs to have a number of its own.
    """

    name: str
    column: str
    length: _Positive
    least: _Positive = 1


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="words"):
    """The words of a text, hashed, the first ones kept.

    Attributes:
        name: unique in the declaration.
        column: of texts.
        length: words at most.
        buckets: to hash into.
    """

    name: str
    column: str
    length: _Positive
    buckets: _Positive


class History(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="history"):
    """The latest events of the request's user, newest first, each by an id that it has in common with a candidate.

    Attributes:
        name: unique in the declaration.
        like: the candidate's ``Category``, of one column, whose ids these are.
        length: at most.
        outcome: of which events; None takes all.
        happened: those with the outcome above 0, or those without.
    """

    name: str
    like: str
    length: _Positive
    outcome: str | None = None
    happened: bool = True


Feature = Number | Category | Tags | Words | History


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Features of requests and of candidates, and the counters that are kept of events.

    A feature or a statistic is the request's where all of its columns are, and is then worked out once a request. A
    statistic called "item" gives the numbers "item n" and, of an outcome "click", "item click".

    Attributes:
        user: column of the request that says whose it is.
        request: columns of the request; all others are the candidate's.
        features: in order.
        statistics: counters and smoothed rates, see ``StatisticsTable``.
        outcomes: columns of the events that the statistics average.

    Raises:
        DataError: a name stands twice, the user is no column of the request, or a history is like nothing.

    Example:
        >>> declaration = Declaration(
        ...     user="user",
        ...     request=("user",),
        ...     features=(Category(name="item", columns=("item",)), History(name="clicked", like="item", length=5)),
        ...     outcomes=("click",),
        ... )
        >>> declaration.of_request(("user",)), declaration.of_request(("user", "item"))
        (True, False)
    """

    user: str
    request: tuple[str, ...]
    features: tuple[Feature, ...]
    statistics: tuple[Statistic, ...] = ()
    outcomes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [one.name for one in self.features]
        names += [f"{one.name} {what}" for one in self.statistics for what in ("n", *self.outcomes)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"the name {twice[0]!r} stands twice", where="declaration", fix="name each feature once")
        if self.user not in self.request:
            raise DataError(
                f"the user's column {self.user!r} is not the request's", where="declaration", fix="name it in request"
            )
        for one in self.features:
            if isinstance(one, History):
                self.category_of(one)

    def of_request(self, columns: tuple[str, ...]) -> bool:
        """Are all of these the request's?"""
        return set(columns) <= set(self.request)

    def category_of(self, history: History) -> Category:
        """The category whose ids a history holds; the events have its one column too.

        Raises:
            DataError: it is like nothing, or its outcome is not declared.
        """
        for one in self.features:
            if isinstance(one, Category) and one.name == history.like and len(one.columns) == 1:
                if self.of_request(one.columns) or history.outcome not in {None, *self.outcomes}:
                    break
                return one
        raise DataError(
            f"the history {history.name!r} is like {history.like!r} after {history.outcome!r}",
            where="declaration",
            fix="name a candidate's category of one column, and one of the outcomes",
        )

    def statistic_of(self, column: str) -> Statistic:
        """The statistic of a dense column, such as "user n" or "user click"."""
        name = statistic_name(column)
        return next(one for one in self.statistics if one.name == name)

    @property
    def event_columns(self) -> tuple[str, ...]:
        """Columns of ids that the log of events must have."""
        counted = [column for one in self.statistics for column in one.columns]
        met = [self.category_of(one).columns[0] for one in self.features if isinstance(one, History)]
        return tuple(dict.fromkeys([self.user, *counted, *met]))
