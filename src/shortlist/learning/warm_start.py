"""Warm start: today's model begins where yesterday's ended, though today there are new ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from shortlist.core.arrays import Int64
from shortlist.core.errors import DataError
from shortlist.learning.embedding_tables import EmbeddingTables

__all__ = ["KeptIds", "warm_start"]

KeptIds = Sequence[Int64 | None]
"""For each feature of a table, int64 ``(size,)``: each id's old id, 0 where it is new; None where ids are the same."""


def warm_start(model: nn.Module, before: nn.Module, kept: Mapping[str, KeptIds]) -> int:
    """Give a new model the weights of an old one; ids keep theirs, and new ids begin as the unknown id's trained row.

    An id that was never met is best scored as an unknown one, and that is what its row says until it has learned more.
    Row-wise Adagrad begins anew, so that it may learn fast. Where a weight has another shape the architecture changed,
    and there is nothing to go on from.

    Args:
        model: new, changed in place.
        before: the old model.
        kept: by the name of an ``EmbeddingTables`` in the model.

    Returns:
        How many rows are new.

    Raises:
        DataError: a weight has another shape, or ids are mapped for a table that does not have a row an id.
    """
    tables = {name: part for name, part in model.named_modules() if isinstance(part, EmbeddingTables)}
    tables_before = {name: part for name, part in before.named_modules() if isinstance(part, EmbeddingTables)}
    old, state, fresh = before.state_dict(), dict(model.state_dict()), 0
    for name, value in state.items():
        owner = name.removesuffix(".table.weight")
        if owner in tables:
            source, new = _sources(tables[owner], tables_before[owner], kept.get(owner, ()), owner)
            state[name] = old[name][source]
            fresh += new
        elif name not in old or old[name].shape != value.shape:
            raise DataError(
                f"the old model has another {name!r}", where="warm start", fix="train from the start: the sizes changed"
            )
        else:
            state[name] = old[name]
    model.load_state_dict(state)
    return fresh


def _sources(new: EmbeddingTables, old: EmbeddingTables, kept: KeptIds, name: str) -> tuple[Tensor, int]:
    """The old row that each new one takes its values from, and how many take the unknown id's."""
    parts, fresh = [], 0
    for feature, (now, then) in enumerate(zip(new.plans, old.plans, strict=True)):
        start, mapped = old.starts[feature], kept[feature] if feature < len(kept) else None
        if mapped is None:
            if now != then:
                raise DataError(
                    f"feature {feature} of {name!r} has another number of ids", where="warm start", fix="map its ids"
                )
            parts.append(torch.arange(start, start + then.rows))
            continue
        if now.kind != "full" or then.kind != "full" or len(mapped) != now.rows:
            raise DataError(
                f"feature {feature} of {name!r} shares rows between ids, or has another number of them",
                where="warm start",
                fix="map ids of full tables only, one entry an id",
            )
        parts.append(torch.from_numpy(mapped) + start)
        fresh += int((mapped[1:] == 0).sum())
    return torch.cat(parts), fresh
