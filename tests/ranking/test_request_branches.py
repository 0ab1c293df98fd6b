"""One file for one request and for many: the same scores, wherever a row stands, and weights that are held once."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from tests.ranking.drawn import random_inputs, small_dcn

from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.request_branches import OF_MANY, OF_ONE, branched, unbranched
from shortlist.ranking.runtime import Runtime

SIZES = InputSizes(request_dense=3, request_ids=(9,), candidate_dense=4, candidate_ids=(70_000, 7))


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


def test_a_row_scores_the_same_to_the_bit_wherever_it_stands(path):
    """A sum over rows that lie askew in memory does not, and what does not matter then seems to move a score."""
    one = random_inputs(SIZES, 1, 1)
    rows = one | {name: np.repeat(one[name], 50, axis=0) for name in ("request_index", *SIZES.candidate_names)}
    assert len(np.unique(Runtime(path).logits(rows))) == 1


def test_rows_of_a_large_table_are_looked_up_together_and_are_the_same_rows(path):
    reads = {node.op_type for node in _nodes(onnx.load(path).graph) if any("table" in name for name in node.input)}
    assert reads == {"GatherND"}
    model = small_dcn(SIZES, width=8, spread=0.1).eval()
    for requests in (1, 4):
        inputs = random_inputs(SIZES, requests, 300)
        with torch.no_grad():
            expected = model(*(torch.from_numpy(inputs[name]) for name in SIZES.names)).numpy()
        np.testing.assert_allclose(Runtime(path).logits(inputs), expected, atol=1e-5)


def _nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)
