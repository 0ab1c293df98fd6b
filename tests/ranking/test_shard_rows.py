"""Rows on disk are the rows in memory: the same gathers, the same checks, and training that can be taken up again."""

import numpy as np
import pytest
import torch
from tests.ranking.drawn import random_inputs, small_dcn

from shortlist.core.errors import DataError
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.learning.shards import Shards
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import IdList, InputSizes
from shortlist.ranking.shard_rows import ShardRows, write_input_shards

SIZES = InputSizes(
    request_dense=2, request_lists=(IdList(length=4, size=9, like=0),), candidate_dense=3, candidate_ids=(9,)
)


def day(seed, n=150):
    inputs, rng = random_inputs(SIZES, 20, n, seed), np.random.default_rng(1_000 + seed)
    return InputRows(
        SIZES, inputs, (inputs["candidate_ids"][:, 0] % 2).astype(np.float32), rng.random(n).astype(np.float32)
    )


def model():
    return small_dcn(SIZES, width=4)


def score(net, gathered):
    with torch.no_grad():
        return net.eval()(*gathered.arguments)


def test_a_gather_from_disk_is_one_from_memory(tmp_path):
    days = [day(0), day(1)]
    write_input_shards(tmp_path, days, rows=70)
    rows, net = ShardRows(SIZES, Shards(tmp_path)), model()
    net.output.reset_parameters()
    assert len(rows) == 300
    chosen = np.array([3, 149, 3, 77])
    for number, held in enumerate(days):
        disk, memory = rows.gather(chosen + 150 * number), held.gather(chosen)
        torch.testing.assert_close(score(net, disk), score(net, memory))
        assert torch.equal(disk.label, memory.label)
        assert torch.equal(disk.weight, memory.weight)


def test_training_from_disk_learns_and_is_taken_up_again_to_the_same_bits(tmp_path):
    write_input_shards(tmp_path / "rows", [day(0), day(1)], rows=70)
    rows, later = ShardRows(SIZES, Shards(tmp_path / "rows")), day(2)
    recipe = ClassifierRecipe(epochs=6, patience=6, batch=64, chunk=32, learning_rate=5e-3, embedding_rate=0.3, every=2)
    whole, again = model(), model()
    fitted = fit_classifier(whole, rows, validation=later, recipe=recipe, seed=0)
    assert fitted.losses[-1] < 0.3
    short = ClassifierRecipe(**{name: getattr(recipe, name) for name in recipe.__struct_fields__} | {"threads": 2})
    fit_classifier(again, rows, validation=later, recipe=short, seed=0, folder=tmp_path / "checkpoint")
    taken_up = model()
    assert (
        fit_classifier(taken_up, rows, validation=later, recipe=recipe, seed=0, folder=tmp_path / "checkpoint").steps
        == 0
    )
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        assert torch.equal(value, taken_up.state_dict()[name]), name


def test_ids_are_checked_before_they_are_written(tmp_path):
    bad = day(0)
    bad.inputs["candidate_ids"][7] = -1
    with pytest.raises(DataError, match="candidate_ids"):
        write_input_shards(tmp_path, [bad])
