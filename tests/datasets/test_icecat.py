"""Icecat's products and grades."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from tests.datasets.worlds import icecat_folder

from shortlist.core.errors import DataError
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.dataset import ITEMS
from shortlist.datasets.icecat import kind_of_product, read_icecat


def test_products_are_items(tmp_path):
    dataset = read_icecat(icecat_folder(tmp_path))
    assert dict(dataset.items.schema) == ITEMS
    cable, toner = dataset.items.iter_rows(named=True)
    assert (cable["item"], cable["description"], cable["categories"]) == (77, "", ["cables"])
    assert cable["price_micros"] == 950_000, "95 cents"
    assert (toner["brand"], toner["price_micros"]) == ("Xerox", 49_950_000)
    assert toner["description"] == "Toner for CopyCentre C65\ntype: Original", "the parcel's facts are left out"
    assert toner["released_us"] == 1_260_403_200_000_000
    assert (dataset.kind, dataset.interactions.height, dataset.users.height) == ("catalogue", 0, 0)


def test_grades_are_judgements(tmp_path):
    assert read_icecat(icecat_folder(tmp_path)).judgements.rows() == [
        ("usb cable", 77, 3),
        ("usb cable", 3920564, 0),
        ("toner, black", 3920564, 2),
    ]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("HP 2510p notebook power adapter", "power adapters"),
        ("C2G 10m DB25 M/M Cable printer cable Beige", "cables"),
        ("Lenovo IdeaPad 320S Notebook Gray 8 GB DDR4-SDRAM", "notebooks"),
        ("Case Logic notebook case Black", "bags and cases"),
        ("Goula Expresiones", "other"),
    ],
)
def test_the_kind_of_product_is_read_from_the_title(title, kind):
    assert kind_of_product(title) == kind


@pytest.mark.parametrize(
    ("line", "says"),
    [(b"{", "line 3"), (b'{"id": "x1", "title": "t"}', "line 3"), (b'{"title": "no id"}', "KeyError.*line 3")],
)
def test_a_broken_product_is_named_by_its_line(tmp_path, line, says):
    path = icecat_folder(tmp_path) / "products.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + line + b"\n"))
    with pytest.raises(DataError, match=says):
        read_icecat(tmp_path)


def test_torn_and_missing_files_are_refused(tmp_path):
    path = icecat_folder(tmp_path) / "products.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        read_icecat(tmp_path)
    icecat_folder(tmp_path)
    (tmp_path / "judgements.csv").unlink()
    with pytest.raises(DataError, match="grades cannot be read"):
        read_icecat(tmp_path)


def test_a_grade_of_no_product_is_named(tmp_path):
    with (icecat_folder(tmp_path) / "judgements.csv").open("a") as file:
        file.write("usb cable,5,1\n")
    with pytest.raises(DataError, match=r"item 5,.*judgements.csv, line 5"):
        read_icecat(tmp_path)


@pytest.mark.realdata
def test_the_real_one_is_whole():
    folder = shared_folder("icecat")
    if folder is None:
        pytest.skip("there is no $SHORTLIST_DATA/icecat")
    dataset = read_icecat(Path(folder))
    assert (dataset.items.height, dataset.judgements.height) == (19_406, 2_632)
    assert dataset.judgements["query"].n_unique() == 89
    assert dataset.items.filter(pl.col("categories").list.first() == "other").height < 0.12 * dataset.items.height
    assert dataset.items["price_micros"].min() == 950_000
