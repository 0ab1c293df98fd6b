"""Warm start: old ids keep their rows, new ones begin as the unknown id, and what changed shape is refused."""

import numpy as np
import pytest
import torch

from shortlist.core.errors import DataError
from shortlist.learning.table_plan import TableSizes
from shortlist.learning.warm_start import warm_start
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_sizes import InputSizes

SCALE = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)


def model(items, seed, brands=4, **settings):
    torch.manual_seed(seed)
    sizes = InputSizes(candidate_dense=2, candidate_ids=(brands, items))
    net = DCNv2(InputLayer(sizes, np.zeros((2, 0), np.float32), SCALE, width=3, **settings))
    net.output.reset_parameters()
    return net.eval()


def scores(net, items, brand=1):
    ids = np.column_stack([np.full(len(items), brand), items])
    with torch.no_grad():
        return net(torch.ones(len(items), 2), torch.from_numpy(ids)).numpy()


def test_yesterdays_ids_score_as_yesterday_and_new_ones_as_unknown():
    before, today = model(5, 0), model(7, 1)
    old = np.array([0, 4, 0, 2, 3, 1, 0])  # new ids 2 and 6; the others were renumbered
    assert warm_start(today, before, {"inputs.tables": (None, old)}) == 2
    np.testing.assert_allclose(scores(today, np.arange(7)), scores(before, old), atol=1e-6)


def test_a_row_of_a_new_id_is_its_own():
    """It begins as the unknown id's, and what it learns it does not share."""
    before, today = model(5, 0), model(6, 1)
    warm_start(today, before, {"inputs.tables": (None, np.array([0, 1, 2, 3, 4, 0]))})
    with torch.no_grad():
        today.inputs.tables.table.weight[4 + 5] += 1.0
    after = scores(today, np.array([0, 5]))
    np.testing.assert_allclose(after[0], scores(before, np.array([0]))[0], atol=1e-6)
    assert abs(after[1] - after[0]) > 1e-3


def test_another_number_of_ids_without_a_map_and_another_architecture_are_refused():
    with pytest.raises(DataError, match="another number of ids"):
        warm_start(model(7, 1), model(5, 0), {})
    with pytest.raises(DataError, match="another number of them"):
        warm_start(model(7, 1), model(5, 0), {"inputs.tables": (None, np.zeros(6, np.int64))})
    wider = DCNv2(model(5, 0).inputs, hidden=(8,))
    with pytest.raises(DataError, match="the sizes changed"):
        warm_start(wider, model(5, 0), {})


def test_ids_that_share_rows_cannot_be_mapped():
    few = {"table_sizes": TableSizes(full_at_most=4)}
    with pytest.raises(DataError, match="shares rows"):
        warm_start(model(9, 1, **few), model(9, 0, **few), {"inputs.tables": (None, np.arange(9))})
