"""A declaration gives the same inputs in training and for a request, whatever happens later, and never a NaN."""

import numpy as np
import polars as pl
import pytest
import torch

from shortlist.core.errors import DataError, ReleaseError
from shortlist.features.declaration import Category, Declaration, History, Number, Tags, Words
from shortlist.features.declared_features import DeclaredFeatures
from shortlist.features.declared_rows import DeclaredRows
from shortlist.features.event_store import EventStore
from shortlist.features.statistics_table import Statistic
from shortlist.ranking.din_model import DIN
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_sizes import checked_ids
from shortlist.ranking.spec_sizes import spec_sizes

DECLARATION = Declaration(
    user="user",
    request=("user", "age", "query", "hour"),
    features=(
        Number(name="age", column="age"),
        Number(name="price", column="price", transform="log"),
        Number(name="price as it is", column="price", transform="none"),
        Category(name="item", columns=("item",)),
        Category(name="hour", columns=("hour",)),
        Category(name="brand at the hour", columns=("brand", "hour"), buckets=16),
        Category(name="brand", columns=("brand",), least=20),
        Tags(name="tags", column="tags", length=2),
        Words(name="query", column="query", length=3, buckets=50),
        Words(name="title", column="title", length=2, buckets=50),
        History(name="clicked", like="item", length=4, outcome="click"),
        History(name="passed over", like="item", length=4, outcome="click", happened=False),
        History(name="brands met", like="brand", length=3),
    ),
    statistics=(
        Statistic(name="user", columns=("user",)),
        Statistic(name="user by brand", columns=("user", "brand"), prior="user", strength=2.0),
        Statistic(name="item", columns=("item",), half_life_days=1.0),
        Statistic(name="brand", columns=("brand",), per=100.0, transform="none"),
    ),
    outcomes=("click",),
)
HOUR = 3_600_000_000
N, TRAINED = 300, 200


def log(seed=0):
    """Impressions with missing values of every kind; many share an instant."""
    rng = np.random.default_rng(seed)
    item = rng.integers(0, 30, N)
    tags = [[f"t{k}" for k in range(one % 4)] if one % 5 else None for one in item]
    return pl.DataFrame(
        {
            "at_us": np.sort(rng.integers(0, 90, N)) * HOUR,
            "user": rng.integers(0, 12, N),
            "item": item,
            "brand": [None if one % 7 == 0 else f"brand {one % 6}" for one in item],
            "price": np.where(item % 9 == 0, np.nan, item**2.0),
            "age": pl.Series(
                [None if one % 3 == 0 else one for one in rng.integers(18, 80, N).tolist()], dtype=pl.Int64
            ),
            "hour": rng.integers(0, 24, N),
            "query": [("red shoes" if one % 2 else None) for one in item],
            "title": [f"Thing {one}" for one in item],
            "tags": tags,
            "click": rng.integers(0, 2, N),
        },
        schema_overrides={"tags": pl.List(pl.String)},
    )


@pytest.fixture(scope="module")
def fitted():
    table = log()
    store = EventStore(DECLARATION, table)
    rows = DeclaredRows.impressions(table[:TRAINED], table["at_us"][:TRAINED].to_numpy())
    return DeclaredFeatures.fit(DECLARATION, store, rows)


def of_log(fitted, table, start=0, end=N):
    part = table[start:end]
    return fitted.compute(EventStore(DECLARATION, table), DeclaredRows.impressions(part, part["at_us"].to_numpy()))


def one_request(fitted, table, row):
    """The request path: one request with three candidates, and a log that holds nothing but what happened before."""
    at_us = table["at_us"].to_numpy()
    request = table[row : row + 1].select("user", "age", "query", "hour")
    candidates = table[[row, 0, 5]].select("item", "brand", "price", "title", "tags")
    rows = DeclaredRows(request, candidates, np.zeros(3, dtype=np.int64), at_us[row : row + 1])
    return fitted.compute(EventStore(DECLARATION, table.filter(pl.col("at_us") < at_us[row])), rows)


def test_training_and_the_request_path_agree_to_the_byte(fitted):
    table = log()
    trained = of_log(fitted, table)
    for row in range(0, N, 17):
        served = one_request(fitted, table, row)
        for name, values in served.items():
            if name != "request_index":
                assert values[0].tobytes() == trained[name][row].tobytes(), name


def test_a_feature_that_sees_the_present_fails_that_test(fitted):
    """The control: asked as of a microsecond later, the log's rows count themselves, and a request's cannot."""
    table = log()
    late = DeclaredRows.impressions(table, table["at_us"].to_numpy() + 1)
    leaky = fitted.compute(EventStore(DECLARATION, table), late)
    differing = [
        row
        for row in range(0, N, 17)
        if one_request(fitted, table, row)["candidate_dense"][0].tobytes() != leaky["candidate_dense"][row].tobytes()
    ]
    assert differing == list(range(0, N, 17))


def test_altering_the_future_alters_no_feature(fitted):
    table = log()
    instant = table["at_us"][150]
    turned = table.with_columns(
        pl.when(pl.col("at_us") >= instant).then(1 - pl.col("click")).otherwise(pl.col("click")).alias("click")
    )
    now = np.flatnonzero((table["at_us"] <= instant).to_numpy())
    before, after = of_log(fitted, table), of_log(fitted, turned)
    assert all(before[name][now].tobytes() == after[name][now].tobytes() for name in before)
    assert before["candidate_dense"].tobytes() != after["candidate_dense"].tobytes()


def test_cross_fitted_rows_know_every_day_but_their_own(fitted):
    """As if a row's day, counted back from the log's end, had not happened; and nothing of its own outcome."""
    table, day = log(), 24 * HOUR
    end = int(table["at_us"].max()) + 1
    rows = DeclaredRows.cross_fitted(table, table["at_us"].to_numpy(), end_us=end)
    crossed = fitted.compute(EventStore(DECLARATION, table), rows)
    number = (end - 1 - table["at_us"].to_numpy()) // day
    for row in range(0, N, 31):
        others = table.filter(pl.Series(number != number[row]))
        alone = DeclaredRows.impressions(table[row : row + 1], np.array([end]))
        for name, values in fitted.compute(EventStore(DECLARATION, others), alone).items():
            if name != "request_index":
                assert values[0] == pytest.approx(crossed[name][row], abs=1e-5), name
    with pytest.raises(DataError, match="not before the log's end"):
        DeclaredRows.cross_fitted(table, table["at_us"].to_numpy(), end_us=end - 1)


def test_inputs_are_what_the_spec_names_and_a_model_takes_them(fitted):
    sizes = spec_sizes(fitted.spec)
    inputs = of_log(fitted, log())
    checked_ids(sizes, inputs)
    assert {name: inputs[name].shape[1:] for name in sizes.names} == {
        "request_dense": (3,),
        "request_ids": (1,),
        "request_list_0": (3,),
        "request_list_1": (4,),
        "request_list_2": (4,),
        "request_list_3": (3,),
        "request_index": (),
        "candidate_dense": (8,),
        "candidate_ids": (3,),
        "candidate_list_0": (2,),
        "candidate_list_1": (2,),
    }
    assert [one.name for one in fitted.spec.request] == ["age", "user n", "user click"]
    assert [one.name for one in fitted.spec.candidate][2:] == [
        "user by brand n",
        "user by brand click",
        "item n",
        "item click",
        "brand n",
        "brand click",
    ]
    scale = [np.array([[0.0] * n, [1.0] * n], dtype=np.float32) for n in (3, 8)]
    model = DIN(InputLayer(sizes, *scale, width=4)).eval()
    with torch.no_grad():
        logit = model(*(torch.from_numpy(inputs[name]) for name in sizes.names))
    assert logit.shape == (N,)
    assert torch.isfinite(logit).all()


def test_histories_are_the_latest_of_their_kind_newest_first(fitted):
    table = log()
    inputs = of_log(fitted, table)
    number = dict(zip(table["item"].to_list(), inputs["candidate_ids"][:, 0].tolist(), strict=True))
    for row in range(0, N, 29):
        mine = table[:N].filter((pl.col("user") == table["user"][row]) & (pl.col("at_us") < table["at_us"][row]))
        for name, click in (("request_list_1", 1), ("request_list_2", 0)):
            wanted = [number[item] for item in mine.filter(pl.col("click") == click)["item"].to_list()[::-1][:4]]
            assert inputs[name][row].tolist() == wanted + [0] * (4 - len(wanted))


def test_what_training_did_not_meet_is_the_unknown_one(fitted):
    row = {"user": 999, "item": 10**12, "brand": "new", "price": None, "age": None, "hour": None}
    table = pl.DataFrame([row | {"query": "", "title": None, "tags": ["new"]}])
    inputs = fitted.compute(EventStore(DECLARATION, log()), DeclaredRows.impressions(table, np.array([10**15])))
    assert all(np.isfinite(values).all() for values in inputs.values())
    assert inputs["candidate_ids"].tolist() == [[0, 0, 0]]
    assert inputs["candidate_list_0"].tolist() == [[0, 0]]
    assert inputs["candidate_dense"][0, :2].tolist() == [0.0, 0.0]


def test_an_empty_log_gives_priors_and_empty_histories(fitted):
    table = log()
    inputs = fitted.compute(EventStore(DECLARATION, table[:0]), DeclaredRows.impressions(table, np.zeros(N, np.int64)))
    assert all(np.isfinite(values).all() for values in inputs.values())
    assert not inputs["request_list_1"].any()
    assert len(np.unique(inputs["candidate_dense"][:, -1])) == 1


def test_a_column_without_a_value_and_one_without_a_second_are_zero():
    table = log().with_columns(pl.lit(None, dtype=pl.Float64).alias("price"), pl.lit(30).alias("age"))
    store, rows = EventStore(DECLARATION, table), DeclaredRows.impressions(table, table["at_us"].to_numpy())
    inputs = DeclaredFeatures.fit(DECLARATION, store, rows).compute(store, rows)
    assert not inputs["candidate_dense"][:, :2].any()
    assert not inputs["request_dense"][:, 0].any()


def test_it_is_saved_and_read_back(fitted, tmp_path):
    fitted.save(tmp_path)
    again = DeclaredFeatures.load(tmp_path)
    table = log(3)
    first, second = of_log(fitted, table), of_log(again, table)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert again.spec.hash == fitted.spec.hash


def test_counts_that_mean_another_thing_are_another_spec(fitted):
    """A model that learned from shares must not be served with counts."""
    meanings = {one.name: one.meaning for one in fitted.spec.candidate}
    assert meanings["brand n"] == "as of the request's instant in 100 events, transform none"
    assert meanings["item n"] == "as of the request's instant, transform quantile"


def test_a_torn_or_foreign_file_is_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    text = (tmp_path / "features.json").read_text()
    (tmp_path / "features.json").write_text(text.replace(fitted.spec.hash, "0" * 64))
    with pytest.raises(ReleaseError, match="other features than were saved"):
        DeclaredFeatures.load(tmp_path)
    (tmp_path / "features.json").write_text(text[:40])
    with pytest.raises(ReleaseError, match="cannot be read"):
        DeclaredFeatures.load(tmp_path)


def test_collisions_are_reported_for_what_is_hashed(fitted):
    report = fitted.collisions(DeclaredRows.impressions(log(), np.zeros(N, np.int64)))
    assert list(report) == ["brand at the hour"]
    assert report["brand at the hour"].collided > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit(np.inf).alias("price"), "infinite"),
        (pl.lit("dear").alias("price"), "not numbers"),
        (pl.lit(1.5).alias("item"), "no id"),
        (pl.lit("t1").alias("tags"), "not lists"),
        (pl.lit(7).alias("title"), "not texts"),
    ],
)
def test_columns_of_a_wrong_kind_are_refused(fitted, change, message):
    table = log().with_columns(change)
    with pytest.raises(DataError, match=message):
        fitted.compute(EventStore(DECLARATION, log()), DeclaredRows.impressions(table, table["at_us"].to_numpy()))


def test_a_missing_column_is_named(fitted):
    table = log().drop("hour")
    with pytest.raises(DataError, match="'hour' is missing"):
        fitted.compute(EventStore(DECLARATION, log()), DeclaredRows.impressions(table, table["at_us"].to_numpy()))
    with pytest.raises(DataError, match="'click' is missing"):
        EventStore(DECLARATION, log().drop("click"))


def test_rows_and_events_that_do_not_go_together_are_refused():
    table = log()
    with pytest.raises(DataError, match="none of the 300 requests"):
        DeclaredRows(table, table, np.full(N, -1), np.zeros(N, np.int64))
    with pytest.raises(DataError, match="1 instants"):
        DeclaredRows(table, table, np.arange(N), np.zeros(1, np.int64))
    with pytest.raises(DataError, match="at_us is not a whole number"):
        EventStore(DECLARATION, table.with_columns(pl.lit(None, dtype=pl.Int64).alias("at_us")))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": (Number(name="a", column="x"), Number(name="a", column="y"))}, "stands twice"),
        ({"user": "who"}, "not the request's"),
        ({"features": (History(name="h", like="nothing", length=3),)}, "is like 'nothing'"),
        (
            {"features": (Category(name="i", columns=("i",)), History(name="h", like="i", length=3, outcome="sale"))},
            "after 'sale'",
        ),
        (
            {"features": (Category(name="u", columns=("user",)), History(name="h", like="u", length=3))},
            "is like 'u'",
        ),
    ],
)
def test_contradictions_of_a_declaration_are_refused(changed, message):
    with pytest.raises(DataError, match=message):
        Declaration(**({"user": "user", "request": ("user",), "features": ()} | changed))
