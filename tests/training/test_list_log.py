"""Two tables of Parquet: what is written is read, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.training.lists import write_lists

from shortlist.core.errors import DataError
from shortlist.training.list_log import ListLog, read_list_log, read_policies


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    _, table = write_lists(folder, n=300)
    return folder, table


def test_policies_and_lists_come_back_whatever_the_order_of_rows(lists, tmp_path):
    folder, table = lists
    read = read_policies(folder / "policies.parquet")
    assert read.names == table.names
    for field in ("temperature", "item", "score"):
        np.testing.assert_array_equal(getattr(read, field), getattr(table, field))
    rows = pl.read_parquet(folder / "log.parquet")
    rows.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(tmp_path / "log.parquet")
    log, shuffled = (read_list_log(path / "log.parquet", table) for path in (folder, tmp_path))
    for field in ("context", "shown", "propensity", "click", "user"):
        np.testing.assert_array_equal(getattr(log, field), getattr(shuffled, field))
    np.testing.assert_array_equal(
        np.take_along_axis(table.item[log.context], log.shown, axis=1), rows["item"].to_numpy().reshape(-1, 3)
    )
    served = table.policy(0, 3).given_above(log.context, log.shown)
    np.testing.assert_allclose(log.propensity, served, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows.drop("click"), "is missing"),
        (lambda rows: rows.with_columns(pl.col("click").cast(pl.Int64)), "Int64"),
        (lambda rows: rows.with_columns(click=pl.lit(None, pl.Boolean)), "900 nulls"),
        (lambda rows: rows.filter(pl.col("place") < 3 - (pl.col("request") == 5)), "different lengths"),
        (lambda rows: rows.with_columns(pl.col("place") - 1), "there is a place 0"),
        (lambda rows: pl.concat([rows, rows.filter(pl.col("request") == 5)]), "request 5 has place 1 more than once"),
        (lambda rows: rows.with_columns(item=pl.lit(10_000, pl.Int64)), "not among its context's candidates"),
        (lambda rows: rows.with_columns(context=pl.col("context") + 4), "has no candidates"),
        (
            lambda rows: rows.with_columns(context=pl.col("place") % 2),
            "several contexts",
        ),
        (lambda rows: rows.with_columns(user=pl.col("place")), "several users"),
        (lambda rows: rows.with_columns(user=pl.lit(None, pl.Int64)), "column 'user' is Int64, 900 nulls"),
    ],
)
def test_a_log_that_does_not_fit_is_refused(lists, tmp_path, change, says):
    folder, table = lists
    change(pl.read_parquet(folder / "log.parquet")).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(DataError, match=says):
        read_list_log(tmp_path / "log.parquet", table)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[1:], "not 4 policies alike"),
        (lambda rows: rows.filter(pl.col("context") != 0), "differ"),
        (lambda rows: rows.with_columns(item=pl.lit(7, pl.Int64)), "differ"),
        (lambda rows: rows.with_columns(temperature=pl.int_range(pl.len()).cast(pl.Float64)), "several temperatures"),
    ],
)
def test_policies_that_do_not_fit_are_refused(lists, tmp_path, change, says):
    change(pl.read_parquet(lists[0] / "policies.parquet")).write_parquet(tmp_path / "policies.parquet")
    with pytest.raises(DataError, match=says):
        read_policies(tmp_path / "policies.parquet")


def test_a_log_without_users_is_read_and_joined_logs_keep_what_all_have(lists, tmp_path):
    folder, table = lists
    rows = pl.read_parquet(folder / "log.parquet")
    rows.drop("user").write_parquet(tmp_path / "log.parquet")
    with_users, without = (read_list_log(path / "log.parquet", table) for path in (folder, tmp_path))
    assert without.user is None
    assert without.clusters().tolist() == list(range(300))
    assert ListLog.joined([with_users, without]).user is None
    assert len(np.unique(ListLog.joined([with_users, with_users]).clusters())) == len(np.unique(with_users.user))
