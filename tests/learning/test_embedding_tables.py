"""Tables: full, hashed, quotient and remainder; sparse gradients; unknown ids get a trained row."""

import numpy as np
import pytest
import torch

from shortlist.learning.draws import drawing
from shortlist.learning.embedding_tables import EmbeddingTables
from shortlist.learning.table_plan import TableSizes, plan_table


def vectors(tables, feature, size):
    with torch.no_grad():
        return tables(torch.arange(size).unsqueeze(1), [feature])[:, 0].numpy()


def test_features_side_by_side_are_tables_apart():
    tables = EmbeddingTables([3, 5], 4)
    found = tables(torch.tensor([[2, 4], [0, 0]]))
    weight = tables.table.weight
    assert torch.equal(found[0, 0], weight[2])
    assert torch.equal(found[0, 1], weight[3 + 4])
    assert torch.equal(found[1], weight[[0, 3]])
    assert torch.equal(tables(torch.tensor([[[4], [1]]]), [1])[0, :, 0], weight[[7, 4]])


@pytest.mark.parametrize(("beyond", "distinct"), [("hashed", 10), ("quotient-remainder", 95)])
def test_hashed_ids_share_rows_and_pairs_do_not(beyond, distinct):
    torch.manual_seed(0)
    tables = EmbeddingTables([95], 4, table_sizes=TableSizes(full_at_most=10, beyond=beyond), spread=1.0)
    with torch.no_grad():
        tables.table.weight.normal_()  # as after some training
    found = vectors(tables, 0, 95)
    assert len(np.unique(found, axis=0)) == distinct
    assert not (found[1:] == found[0]).all(axis=1).any(), "nobody shares the unknown id's row"
    assert len(tables.table.weight) == plan_table(95, TableSizes(full_at_most=10, beyond=beyond)).rows < 95


def test_the_most_frequent_ids_share_no_row():
    tables = EmbeddingTables([95], 4, table_sizes=TableSizes(full_at_most=10, beyond="hashed"))
    assert len(np.unique(vectors(tables, 0, 95)[1:10], axis=0)) == 9


def test_before_training_a_pair_is_its_remainders_row():
    sizes = TableSizes(full_at_most=10)
    tables = EmbeddingTables([3, 95], 4, table_sizes=sizes)
    found = vectors(tables, 1, 95)
    np.testing.assert_array_equal(found[1], found[10])
    np.testing.assert_array_equal(found[1], tables.table.weight[3 + 1].detach().numpy())


def test_gradients_reach_the_rows_that_were_met_and_no_others():
    tables = EmbeddingTables([6, 50], 2, table_sizes=TableSizes(full_at_most=10))
    tables(torch.tensor([[5, 12]])).sum().backward()
    gradient = tables.table.weight.grad
    assert gradient.is_sparse
    met = gradient.coalesce().indices()[0].tolist()
    # id 12: row 1 + 11 % 9 of ten, quotient 1 + 11 // 9 behind them
    assert met == [5, 6 + 3, 6 + 10 + 2]


def test_some_ids_are_forgotten_in_training_only():
    tables = EmbeddingTables([9], 2, forget=0.25)
    ids = torch.full((4_000, 1), 8)
    with drawing(3):
        unknown = (tables(ids)[:, 0] == tables.table.weight[0]).all(dim=1).float().mean()
    assert 0.22 < unknown < 0.28
    tables.eval()
    assert (tables(ids)[:, 0] == tables.table.weight[8]).all()
