"""One file for one request and for many: the same scores, and weights that are held once."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tests.ranking.drawn import random_inputs, small_dcn

from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.request_branches import OF_MANY, OF_ONE, branched, unbranched
from shortlist.ranking.runtime import Runtime

SIZES = InputSizes(request_dense=3, request_ids=(9,), candidate_dense=4, candidate_ids=(20_000, 7))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("branches") / "model.onnx"
    export_onnx(small_dcn(SIZES, width=8, spread=0.1), SIZES, path)
    return path


@pytest.fixture(scope="module")
def flat(path):
    session = ort.InferenceSession(unbranched(onnx.load(path)).SerializeToString())
    return lambda inputs: session.run([OF_MANY, OF_ONE], {name: inputs[name] for name in SIZES.names})


def test_weights_are_held_once(path):
    weights = sum(weight.numel() for weight in small_dcn(SIZES, width=8).parameters())
    assert 4 * weights < path.stat().st_size < 1.2 * 4 * weights


def test_both_branches_score_one_request_alike_and_the_file_takes_the_right_one(path, flat):
    one, several = random_inputs(SIZES, 1, 50), random_inputs(SIZES, 3, 50)
    of_many, of_one = flat(one)
    np.testing.assert_allclose(of_one, of_many, atol=2e-6)
    np.testing.assert_array_equal(Runtime(path).logits(one), of_one)
    of_many, of_one = flat(several)
    assert np.abs(of_many - of_one).max() > 0.01, "a negative control: it is right for one request only"
    np.testing.assert_array_equal(Runtime(path).logits(several), of_many)


def test_to_branch_what_was_unbranched_gives_the_same_file(path):
    model = onnx.load(path)
    assert branched(unbranched(model), SIZES.request_names[0]).graph == model.graph
