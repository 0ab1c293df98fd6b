"""Your own tables: what is right arrives in the schema, what is wrong is named exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pytest

from shortlist.core.errors import DataError
from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS
from shortlist.datasets.own import from_frames, read_folder

ITEM = {"item": [10, 11], "title": ["Red Kettle", "Desk Lamp"]}
MET = {"user": [1, 2], "item": [10, 11], "at_us": [5, 4]}


def as_pandas(table):
    return pytest.importorskip("pandas", reason="pandas is not installed").DataFrame(table)


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table, as_pandas], ids=["polars", "pyarrow", "pandas"])
def test_frames_of_any_kind_give_the_schema(frame):
    dataset = from_frames(
        items=frame({**ITEM, "categories": ["kitchen | red", ""], "price": [19.99, 0.0], "brand": ["Acme", "Lux"]}),
        interactions=frame(MET),
        judgements=frame({"query": ["lamp"], "item": [11], "grade": [3]}),
        name="shop",
    )
    assert dict(dataset.items.schema) == ITEMS
    assert dict(dataset.interactions.schema) == INTERACTIONS
    assert dict(dataset.judgements.schema) == JUDGEMENTS
    assert dataset.items["categories"].to_list() == [["kitchen", "red"], []]
    assert dataset.items["price_micros"].to_list() == [19_990_000, 0]
    assert dataset.interactions.rows() == [(2, 11, 4, 1.0, True), (1, 10, 5, 1.0, True)]
    assert dataset.users["user"].to_list() == [1, 2]
    assert (dataset.name, dataset.kind) == ("shop", "ratings")


def test_the_kind_follows_the_tables():
    assert from_frames(items=pl.DataFrame(ITEM)).kind == "catalogue"
    shown = from_frames(items=pl.DataFrame(ITEM), impressions=pl.DataFrame({**MET, "positive": [1, 0]}))
    assert shown.has_impressions
    assert shown.interactions["positive"].to_list() == [False, True]
    with pytest.raises(DataError, match="both interactions and impressions"):
        from_frames(items=pl.DataFrame(ITEM), interactions=pl.DataFrame(MET), impressions=pl.DataFrame(MET))


@pytest.mark.parametrize(
    "at",
    [
        ["2026-03-29T01:30:00Z", "2026-03-29"],
        ["2026-03-29 03:30:00+02:00", "2026-03-29T00:00"],
        [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)],
        [datetime(2026, 3, 29, 1, 30), datetime(2026, 3, 29)],  # noqa: DTZ001
    ],
)
def test_times_are_read_as_utc(at):
    table = pl.DataFrame({"user": [1, 1], "item": [10, 10], "at": at})
    dataset = from_frames(items=pl.DataFrame(ITEM), interactions=table)
    assert dataset.interactions["at_us"].to_list() == [1_774_742_400_000_000, 1_774_747_800_000_000]


def test_a_date_is_its_midnight():
    dataset = from_frames(items=pl.DataFrame({**ITEM, "released": [date(1970, 1, 2), None]}))
    assert dataset.items["released_us"].to_list() == [86_400_000_000, None]


def test_what_is_known_of_users_stays_and_users_who_only_acted_are_added():
    dataset = from_frames(
        items=pl.DataFrame(ITEM),
        interactions=pl.DataFrame({**MET, "user": [9, 7]}),
        users=pl.DataFrame({"user": [7], "city": ["Jena"]}),
    )
    assert dataset.users.sort("user").rows() == [(7, "7", "Jena"), (9, "9", None)]


WRONG = [
    # what is given, and words of the message: what, where, fix
    ({"items": {"item": [1], "titel": ["x"]}}, "column 'title' is missing (table items): rename 'titel' to 'title'"),
    ({"items": {"item": [1], "title": ["x"], "pirce": [2.0]}}, "no column 'pirce' in the schema (table items): rename"),
    ({"items": {"item": [1, None], "title": ["x", "y"]}}, "id is missing (table items, column 'item', row 2)"),
    ({"items": {"item": ["a", " "], "title": ["x", "y"]}}, "id is missing (table items, column 'item', row 2)"),
    ({"items": {"item": [5, 6, 5], "title": list("xyz")}}, "'5' was there before, in row 1 (table items, column 'item', row 3)"),
    ({"items": {"item": [-1], "title": ["x"]}}, "id -1 is negative (table items, column 'item', row 1)"),
    ({"items": {"item": [1.0], "title": ["x"]}}, "ids are Float64 (table items, column 'item'): give whole numbers"),
    ({"items": {"item": [1], "title": [["x"]]}}, "holds List(String) (table items, column 'title'): give text"),
    ({"items": {**ITEM, "price": [1.0, float("nan")]}}, "value is nan (table items, column 'price', row 2)"),
    ({"items": {**ITEM, "price": [1.0, -2.0]}}, "-2.0 is no price (table items, column 'price', row 2)"),
    ({"items": {**ITEM, "price": [1e300, 1.0]}}, "1e+300 is no price (table items, column 'price', row 1)"),
    ({"items": {**ITEM, "price": ["1", "two"]}}, "'two' is not a number (table items, column 'price', row 2)"),
    ({"items": {**ITEM, "price_micros": ["1", "9" * 20]}}, "does not fit into 64 bits (table items, column 'price_micros', row 2)"),
    ({"items": {**ITEM, "price_micros": [1.0, 1e30]}}, "1e+30 does not fit into 64 bits"),
    ({"items": {**ITEM, "price_micros": [1.0, 1.5]}}, "1.5 is not a whole number"),
    ({"items": {**ITEM, "price_micros": pl.Series([1, 2**63], dtype=pl.UInt64)}}, "does not fit into 64 bits"),
    ({"items": {**ITEM, "released": ["1999-01-01", "soon"]}}, "'soon' is not a time (table items, column 'released', row 2)"),
    ({"interactions": {**MET, "item": [10, 99]}}, "'99' is not among the items (table interactions, column 'item', row 2)"),
    ({"interactions": {**MET, "at_us": [1, -1]}}, "-1 is less than 0 (table interactions, column 'at_us', row 2)"),
    ({"interactions": {**MET, "at_us": [1, None]}}, "value is missing (table interactions, column 'at_us', row 2)"),
    ({"interactions": {**MET, "at_us": [1.0, float("nan")]}}, "value is NaN (table interactions, column 'at_us', row 2)"),
    ({"interactions": {**MET, "user": [None, 1]}}, "id is missing (table interactions, column 'user', row 1)"),
    ({"interactions": {"user": [1], "item": [10]}}, "column 'at_us' is missing (table interactions)"),
    ({"interactions": {"user": [1], "item": [10], "at": ["1969-12-31"]}}, "is before 1970 (table interactions, column 'at', row 1)"),
    ({"interactions": {"user": [1], "item": [10], "at": [1.5]}}, "microseconds since 1970 in a column 'at_us'"),
    ({"interactions": {**MET, "value": [1.0, 5.0]}}, "column 'positive' is missing (table interactions)"),
    ({"interactions": {**MET, "value": [1.0, float("inf")], "positive": [0, 1]}}, "value is inf (table interactions, column 'value', row 2)"),
    ({"impressions": {**MET, "positive": ["yes", "maybe"]}}, "'maybe' is neither true nor false (table impressions, column 'positive', row 2)"),
    ({"impressions": MET}, "column 'positive' is missing (table impressions)"),
    ({"users": {"user": [3, 3]}}, "'3' was there before, in row 1 (table users, column 'user', row 2)"),
    ({"judgements": {"query": ["q"], "item": [99], "grade": [1]}}, "'99' is not among the items (table judgements, column 'item', row 1)"),
    ({"judgements": {"query": ["q"], "item": [10], "grade": [-1]}}, "-1 is less than 0 (table judgements, column 'grade', row 1)"),
    ({"judgements": {"query": ["q", "q"], "item": [10, 10], "grade": [1, 2]}}, "was there before, in row 1 (table judgements"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), WRONG, ids=[says for _, says in WRONG])
def test_what_is_wrong_is_named_with_place_and_cure(given, says):
    frames = {name: pl.DataFrame(table) for name, table in {"items": ITEM, **given}.items()}
    with pytest.raises(DataError) as caught:
        from_frames(**frames)
    assert says in str(caught.value)
    assert caught.value.fix


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")


def test_the_three_formats_say_the_same(tmp_path):
    rows = pl.DataFrame({**ITEM, "price": [1.5, 2.0]})
    read = {}
    for kind in ("csv", "jsonl", "parquet"):
        folder = tmp_path / kind
        folder.mkdir()
        {"csv": rows.write_csv, "jsonl": rows.write_ndjson, "parquet": rows.write_parquet}[kind](
            folder / f"items.{kind}"
        )
        read[kind] = read_folder(folder).items.rows()
    assert read["csv"] == read["jsonl"] == read["parquet"]


def test_a_line_of_a_csv_counts_line_breaks_inside_fields(tmp_path):
    write(tmp_path, "items.csv", 'item,title\n1,"two\nlines"\n2,ok\n2,again\n')
    with pytest.raises(DataError, match=r"row 3, line 5 of .*items\.csv"):
        read_folder(tmp_path)


def test_a_line_of_jsonl_is_its_row(tmp_path):
    write(tmp_path, "items.jsonl", '{"item": 1, "title": "x"}\n{"item": 1, "title": "y"}\n')
    with pytest.raises(DataError, match=r"row 2, line 2 of .*items\.jsonl"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "raw", [b"", b"item,title\n1,a,b\n", b"item,title\n1,\xff\xfe\n"], ids=["empty", "ragged", "bytes"]
)
def test_a_file_that_is_no_csv(tmp_path, raw):
    (tmp_path / "items.csv").write_bytes(raw)
    with pytest.raises(DataError, match=r"cannot be read as csv.*items\.csv"):
        read_folder(tmp_path)


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "items.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_folder(tmp_path)


def test_a_table_of_items_with_a_header_alone_is_the_one_that_is_blamed(tmp_path):
    (tmp_path / "items.csv").write_text("item,title\n")
    (tmp_path / "interactions.csv").write_text("user,item,at\n1,1,2026-01-01\n")
    with pytest.raises(DataError, match=r"the table has no rows .*items"):
        read_folder(tmp_path)


def test_no_items_and_items_twice(tmp_path):
    with pytest.raises(DataError, match="no table of items"):
        read_folder(tmp_path)
    write(tmp_path, "items.csv", "item,title\n1,x\n")
    write(tmp_path, "items.jsonl", '{"item": 1, "title": "x"}\n')
    with pytest.raises(DataError, match=r"items\.csv, items\.jsonl"):
        read_folder(tmp_path)


def test_text_ids_keep_their_keys_when_the_tables_grow(tmp_path):
    write(tmp_path, "items.csv", "item,title\nkettle,Kettle\nlamp,Lamp\n")
    write(tmp_path, "interactions.csv", "user,item,at\nann,lamp,2026-01-02\n")
    first = read_folder(tmp_path)
    write(tmp_path, "items.csv", "item,title\ndesk,Desk\nlamp,Lamp\nkettle,Kettle\n")
    write(tmp_path, "interactions.csv", "user,item,at\nbob,desk,2026-01-01\nann,lamp,2026-01-02\n")
    second = read_folder(tmp_path)

    def keys(dataset):
        return dict(dataset.items.select("external_id", "item").rows())

    assert keys(first) == {"kettle": 1, "lamp": 2}
    assert keys(second) == {"kettle": 1, "lamp": 2, "desk": 3}
    assert second.interactions.select("user", "item").rows() == [(2, 3), (1, 2)]
