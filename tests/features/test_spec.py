"""The hash of a feature spec changes with whatever a model depends on."""

import msgspec
import pytest

from shortlist.features.spec import CategoricalFeature, DenseFeature, FeatureSpec, MultiValuedFeature

SPEC = FeatureSpec(
    request=(DenseFeature("a", "one"), DenseFeature("b", "two")),
    candidate=(DenseFeature("c", "three"),),
    categorical=(CategoricalFeature("item", 5),),
    multi_valued=(MultiValuedFeature("categories", 4, 2),),
)


def test_equal_specs_have_equal_hashes():
    again = msgspec.json.decode(msgspec.json.encode(SPEC), type=FeatureSpec)
    assert again == SPEC
    assert again.hash == SPEC.hash


@pytest.mark.parametrize(
    "change",
    [
        {"request": SPEC.request[::-1]},
        {"request": SPEC.request[:1]},
        {"candidate": (DenseFeature("c", "another meaning"),)},
        {"categorical": (CategoricalFeature("item", 6),)},
        {"multi_valued": (MultiValuedFeature("categories", 4, 3),)},
    ],
)
def test_any_change_changes_the_hash(change):
    assert msgspec.structs.replace(SPEC, **change).hash != SPEC.hash
