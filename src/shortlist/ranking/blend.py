"""``Blend``: several rankers' logits as one, served without torch and without LightGBM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import ReleaseError
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_inputs import gbdt_columns, gbdt_matrix
from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.runtime import Runtime

__all__ = ["Blend", "BlendFacts", "Member", "Trees", "load_member"]

_FILE = "blend.json"


class Member(Protocol):
    """A trained ranker."""

    def logits(self, inputs: Mapping[str, Array]) -> Array:
        """Log odds ``(N,)`` of inputs by name, see ``InputSizes``."""
        ...


class Trees:
    """Boosted trees that take a ranker's named inputs.

    Args:
        trees: a classifier.
        sizes: of the inputs.

    Raises:
        ReleaseError: the trees read other columns.
    """

    def __init__(self, trees: GBDT, sizes: InputSizes) -> None:
        if trees.features != gbdt_columns(sizes) or trees.slope is None:
            raise ReleaseError(
                "the trees are no classifier of these inputs", where="Trees", fix="train them on the inputs' columns"
            )
        self.trees, self.sizes, self._slope = trees, sizes, trees.slope

    def logits(self, inputs: Mapping[str, Array]) -> Float64:
        """Log odds, float64 ``(N,)``."""
        return self.trees.raw(gbdt_matrix(self.sizes, inputs)) * self._slope


class BlendFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``blend.json``.

    Attributes:
        members: files beside it, in order: ONNX, or LightGBM's text.
        weights: of their logits, not negative.
        bias: in log odds.
        sizes: of the inputs.
    """

    members: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    sizes: InputSizes


class Blend:
    """``logit = b + sum over members m of w_m logit_m``.

    Rankers that err apart are better together: trees find thresholds and crosses of numbers, a net reads ids and
    histories. ``learning/stacking.py`` fits the weights on rows that lie later in time.

    Args:
        members: that are asked; those of weight 0 are not.
        facts: their weights.

    Raises:
        ReleaseError: there is not one weight a member.
    """

    def __init__(self, members: Sequence[Member], facts: BlendFacts) -> None:
        if not len(members) == len(facts.weights) == len(facts.members) > 0:
            raise ReleaseError(
                f"{len(members)} members and {len(facts.weights)} weights", where=_FILE, fix="train a new release"
            )
        self.facts = facts
        self._asked = [(w, member) for w, member in zip(facts.weights, members, strict=True) if w > 0.0]

    def logits(self, inputs: Mapping[str, Array]) -> Float64:
        """Log odds, float64 ``(N,)``.

        Raises:
            DataError: an id is outside of its table, or a number is NaN or infinite.
        """
        total = np.full(len(inputs[self.facts.sizes.candidate_names[0]]), self.facts.bias)
        for weight, member in self._asked:
            total += weight * member.logits(inputs)
        return total

    def save(self, folder: Path) -> None:
        """Write ``blend.json`` beside the members' files."""
        (folder / _FILE).write_bytes(msgspec.json.encode(self.facts))

    @classmethod
    def load(cls, folder: Path) -> Blend:
        """Read a folder of ``blend.json`` and its members.

        Raises:
            ReleaseError: a file is missing or torn.
        """
        path = folder / _FILE
        try:
            facts = msgspec.json.decode(path.read_bytes(), type=BlendFacts)
        except (OSError, msgspec.MsgspecError) as error:
            raise ReleaseError(
                f"the blend cannot be read: {error}", where=str(path), fix="train a new release"
            ) from None
        return cls([load_member(folder / name, facts.sizes) for name in facts.members], facts)


def load_member(path: Path, sizes: InputSizes) -> Member:
    """Trees from LightGBM's text (".txt"), a net from ONNX.

    Raises:
        ReleaseError: the file is missing, torn, or of other inputs.
    """
    return Trees(GBDT.load(path), sizes) if path.suffix == ".txt" else Runtime(path)
