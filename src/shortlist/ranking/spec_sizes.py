"""A feature spec as the sizes of a model's inputs."""

from __future__ import annotations

from shortlist.core.errors import DataError
from shortlist.features.spec import FeatureSpec
from shortlist.ranking.input_sizes import IdList, InputSizes

__all__ = ["spec_sizes"]


def spec_sizes(spec: FeatureSpec) -> InputSizes:
    """The inputs that a model of this spec takes, in the spec's order.

    Raises:
        DataError: a sequence is like a feature that the candidate does not have, or of another size than it.

    Example:
        >>> from shortlist.features.spec import CategoricalFeature, SequenceFeature
        >>> spec = FeatureSpec(
        ...     request=(),
        ...     candidate=(),
        ...     categorical=(CategoricalFeature("item", 9),),
        ...     multi_valued=(),
        ...     sequences=(SequenceFeature("clicked", 9, 20, like="item"),),
        ... )
        >>> spec_sizes(spec).names
        ('request_list_0', 'request_index', 'candidate_ids')
    """
    place = {feature.name: number for number, feature in enumerate(spec.categorical)}
    for one in spec.sequences:
        if one.like is not None and (one.like not in place or spec.categorical[place[one.like]].size != one.size):
            raise DataError(
                f"the sequence {one.name!r} is like {one.like!r}, which no categorical feature of its size is",
                where="feature spec",
                fix=f"name one of {', '.join(place) or 'the features, of which there is none'}, with equal sizes",
            )
    return InputSizes(
        request_dense=len(spec.request),
        request_ids=tuple(feature.size for feature in spec.request_categorical),
        request_lists=tuple(
            IdList(length=one.length, size=one.size, like=None if one.like is None else place[one.like])
            for one in spec.sequences
        ),
        candidate_dense=len(spec.candidate),
        candidate_ids=tuple(feature.size for feature in spec.categorical),
        candidate_lists=tuple(IdList(length=feature.length, size=feature.size) for feature in spec.multi_valued),
    )
