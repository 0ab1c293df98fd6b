"""How many rows an embedding table has, by how many ids its feature has."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["TableKind", "TablePlan", "TableSizes", "plan_table"]

TableKind = Literal["full", "hashed", "quotient-remainder"]


class TableSizes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where tables stop growing with the number of ids.

    Attributes:
        full_at_most: ids up to which each has a row of its own.
        beyond: what a feature with more gets. Hashed: ids share ``full_at_most`` rows. Quotient-remainder: the row
            they share is multiplied by a second one that tells them apart.
    """

    full_at_most: int = 1_000_000
    beyond: Literal["hashed", "quotient-remainder"] = "quotient-remainder"


class TablePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The table of one feature.

    An id i > 0 has row ``1 + (i - 1) mod modulus`` and, where there are quotients, is multiplied by row
    ``1 + (i - 1) // modulus`` of them. Id 0, the unknown one, has rows 0, which no other id shares. Ids are as a rule
    numbered by frequency, so that the remainder parts the frequent ones better than a random hash.

    Attributes:
        kind: full, hashed or quotient-remainder.
        modulus: ids that have a row of their own before the rows are shared.
        quotients: how often they are shared; 0 where nothing tells the sharers apart.
    """

    kind: TableKind
    modulus: int
    quotients: int = 0

    @property
    def rows(self) -> int:
        """Of the table: of both, where there are two."""
        return 1 + self.modulus + (1 + self.quotients if self.quotients else 0)


def plan_table(size: int, sizes: TableSizes) -> TablePlan:
    """The plan for a feature of ``size`` ids, the unknown one among them.

    (Shi et al., "Compositional embeddings using complementary partitions", KDD 2020, section 3: quotient and remainder,
    multiplied element by element. Two ids never have the same pair; hashed ids do collide.)

    Example:
        >>> small = TableSizes(full_at_most=100)
        >>> [(p.kind, p.rows) for p in (plan_table(n, small) for n in (100, 101, 10_000))]
        [('full', 100), ('quotient-remainder', 103), ('quotient-remainder', 202)]
    """
    if size <= sizes.full_at_most:
        return TablePlan(kind="full", modulus=max(1, size - 1))
    modulus = max(1, sizes.full_at_most - 1)
    if sizes.beyond == "hashed":
        return TablePlan(kind="hashed", modulus=modulus)
    return TablePlan(kind="quotient-remainder", modulus=modulus, quotients=-(-(size - 1) // modulus))
