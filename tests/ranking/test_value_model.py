"""The value model: weights beside the model, bounded, refused where they make no sense."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import ReleaseError
from shortlist.ranking.value_model import ValueModel, load_value_model

TASKS = ("click", "like", "hide")
P = np.array([[0.9, 0.1, 0.2], [0.5, 0.3, 0.0], [0.0, 0.0, 1.0]])


def test_a_sum_and_a_product_by_hand():
    summed = ValueModel(weights={"click": 1.0, "hide": -2.0})
    np.testing.assert_allclose(summed.score(TASKS, P), [0.9 - 0.4, 0.5, -2.0])
    product = ValueModel(weights={"click": 2.0, "like": 0.5}, form="product")
    np.testing.assert_allclose(product.score(TASKS, P), [0.81 * 0.1**0.5, 0.25 * 0.3**0.5, 1e-12 * 1e-3])


def test_other_weights_turn_the_order_and_the_model_is_left_alone():
    """Clickbait: much clicked, seldom liked."""
    clicks, likes = (ValueModel(weights={name: 1.0}).score(TASKS, P) for name in ("click", "like"))
    assert clicks.argmax() == 0
    assert likes.argmax() == 1


def test_a_factor_on_one_task_turns_the_order_of_a_sum_and_never_of_a_product():
    """Why a sum needs calibrated chances."""
    off = P * np.array([0.2, 1.0, 1.0])
    weights = {"click": 1.0, "like": 1.5}
    summed, product = ValueModel(weights=weights), ValueModel(weights=weights, form="product")
    assert summed.score(TASKS, P).argmax() != summed.score(TASKS, off).argmax()
    some = slice(0, 2)  # chances of 0 stay at the least one
    ratio = product.score(TASKS, off)[some] / product.score(TASKS, P)[some]
    np.testing.assert_allclose(ratio, ratio[0])


@pytest.mark.property
@given(
    st.dictionaries(st.sampled_from(TASKS), st.floats(-10, 10), min_size=1).filter(lambda w: any(w.values())),
    st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=8),
    st.sampled_from(["sum", "product"]),
)
@settings(derandomize=True, max_examples=80)
def test_scores_are_finite_and_within_the_bounds(weights, chances, form):
    model = ValueModel(weights=weights, form=form)
    score = model.score(TASKS, np.array(chances))
    low, high = model.bounds
    assert np.isfinite(score).all()
    assert (score >= low - 1e-9 * (1 + abs(low))).all()
    assert (score <= high + 1e-9 * (1 + abs(high))).all()


def test_what_was_written_is_read(tmp_path):
    model = ValueModel(weights={"like": 1.0, "meet": 0.25}, form="product")
    model.save(tmp_path / "value.json")
    assert load_value_model(tmp_path / "value.json") == model


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"weights": {}}', "other than 0"),
        ('{"weights": {"like": 0.0}}', "other than 0"),
        ('{"weights": {"like": 33}}', "32"),
        ('{"weights": {"like": 20, "meet": -20}}', "add up to 40"),
        ('{"weights": {"like": 1}, "form": "max"}', "max"),
        ('{"weights": {"like": 1}, "from": "sum"}', "from"),
        ('{"weights": {"like": NaN}}', "malformed"),
        ("torn", "malformed"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(written, said, tmp_path):
    path = tmp_path / "value.json"
    path.write_text(written)
    with pytest.raises(ReleaseError, match=said):
        load_value_model(path)


def test_a_missing_file_and_a_task_that_nobody_predicts_are_named(tmp_path):
    with pytest.raises(ReleaseError, match=r"value\.json"):
        load_value_model(tmp_path / "value.json")
    with pytest.raises(ReleaseError, match="does not predict 'share'"):
        ValueModel(weights={"share": 1.0}).score(TASKS, P)
    assert msgspec.json.encode(ValueModel(weights={"like": 1.0})) == b'{"weights":{"like":1.0},"form":"sum"}'
