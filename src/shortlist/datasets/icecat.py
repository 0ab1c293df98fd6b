"""Icecat products with prices, and shop queries with human grades: ``products.jsonl.gz`` and ``judgements.csv``.

A supplier is an item's brand. The source names no category for most products: the one category of an item is the
kind of product that its title names, by the table below, and "other" where it names none of them.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from shortlist.core.clock import SECOND_US
from shortlist.core.errors import DataError, DatasetUnavailable
from shortlist.core.money import MICROS
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.datasets.known import ICECAT

__all__ = ["icecat_is_not_one_file", "kind_of_product", "read_icecat", "read_shared_icecat"]

_MICROS_IN_CENT = MICROS // 100
_MAX_ATTRIBUTES = 12

# In this order: "notebook power adapter" is a power adapter, and "printer cable" is a cable.
_KINDS = (
    ("toner and ink", r"toner|ink(?!.?jet)|cartridges?|singlepack|multipack|ribbon|drum|print ?head|original"),
    ("printer parts", r"fuser|maintenance kit|transfer (kit|belt|roll(er)?)|feeder|tray|duplex unit|staples?|imaging"),
    ("paper and labels", r"paper|labels?|label-making|envelopes?|film|canvas|tape|media|transparenc(y|ies)|vellum"),
    ("power adapters", r"power adapter|inverter|charger|power supply unit|ac adapter|adapter/inverter"),
    ("power distribution", r"uninterruptible|ups|pdu|power (distribution|extension|strip)|surge|outlets?"),
    ("networks", r"patch|networking (cable|card)|network cable|cat ?[56]e?a?|fib(er|re)|crossover|rj-?45"),
    ("cables", r"cables?|cord|extension lead|lead"),
    ("adapters and converters", r"adapters?|converter|splitter|gender changer|connectors?|coupler|extender"),
    ("bags and cases", r"case|bag|backpack|sleeve|briefcase|cover|messenger|pouch|skin"),
    ("memory", r"memory (module|card|stick)|[\d.]+ ?[mg]b memory|dimm|flash drive|microsd|sdhc|compactflash"),
    ("batteries", r"batter(y|ies)|mah"),
    ("lamps", r"lamps?|bulb|lighting|luminaire"),
    ("cooling", r"fan|fans|cooler|heat ?sink|condenser"),
    ("mounts and racks", r"mount|rack|bracket|stand|arm|shelf|enclosure|cabinet|trolley|cart"),
    ("services", r"warranty|care ?pack|hp [1-5]y|[1-5] ?years?|support|service|licen[sc]es?|software"),
    ("headphones and speakers", r"headphones?|headset|earphones?|speakers?|loudspeaker|soundbar|microphone"),
    ("keyboards and mice", r"keyboard|mouse|mice|keypad|trackball|presenter|touchpad|joystick|gamepad"),
    ("notebooks", r"notebook|laptop|chromebook|netbook|hybrid \(2-in-1\)|ultrabook"),
    ("processors", r"processor ([\d.]+ )?ghz|processor|cpu"),
    (
        "computers and servers",
        r"desktop|small form factor|tower|server|workstation|pc \w|all-in-one pc|thin client|sff|barebone",
    ),
    ("motherboards and cards", r"motherboard|graphics card|network card|sound card|interface cards?|controller|raid"),
    ("monitors and televisions", r"monitor|tv|lcd|pixels|display|television|touch screen|signage"),
    ("projectors", r"projector|projection"),
    ("printers and scanners", r"printer|dpi|multifunctional|mfp|scanner|fax|laser|plotter|photocopier|copier"),
    ("switches and routers", r"switch|router|access point|modem|transceiver|firewall|hub|kvm|gateway|bridge|antenna"),
    ("drives and discs", r"hdd|ssd|hard (disk|drive)|(dvd|cd|bd)[+-]?r\w*|disk array|drive|nas|storage|blank"),
    ("cameras and lenses", r"camera|camcorder|lens|webcam|tripod|binoculars?"),
    ("phones and navigation", r"phones?|smartphone|mobile|navigator|tablet|gps|walkie"),
    ("audio and video players", r"player|radio|receiver|amplifier|tuner|hi-fi|home (cinema|theatre)|karaoke|recorder"),
    ("kitchen and home", r"coffee|iron|kettle|toaster|vacuum|refrigerator|oven|hob|blender|shaver|toothbrush|cooker"),
    ("memory", r"ddr\d?"),
    ("toys and games", r"puzzle|doll|toy|game|lego|barbie|figure"),
    ("office supplies", r"calculator|laminator|shredder|stapler|pen|markers?|binder|whiteboard|folder|lock|filter"),
)
_PATTERNS = tuple((kind, re.compile(rf"\b(?:{pattern})\b")) for kind, pattern in _KINDS)
_LOGISTICS = re.compile(
    r"package|pallet|master|case|carton|humidity|temperature|altitude|certific|country|dimensions|oem_code|compliance"
)


def icecat_is_not_one_file() -> DatasetUnavailable:
    """Why it is not fetched, and what to put where: the official archive holds no grades, and another format."""
    return DatasetUnavailable(
        "Icecat is not here, and is not one file that could be fetched",
        where=ICECAT.official,
        fix="put products.jsonl.gz (a product a line) and judgements.csv (query,docid,rating) into "
        "$SHORTLIST_DATA/icecat/",
    )


def read_shared_icecat() -> Dataset | None:
    """Read ``$SHORTLIST_DATA/icecat/`` if it is there."""
    folder = shared_folder(ICECAT.name)
    return None if folder is None else read_icecat(folder)


def read_icecat(folder: Path) -> Dataset:
    """Read the two files.

    Raises:
        DataError: a file is missing, or a product or a grade is not as it should be.
    """
    items = pl.DataFrame(list(_items(folder / "products.jsonl.gz")), schema=ITEMS, orient="row").sort("item")
    return Dataset(
        name=ICECAT.name,
        kind="catalogue",
        items=items,
        users=pl.DataFrame(schema=USERS),
        interactions=pl.DataFrame(schema=INTERACTIONS),
        judgements=_judgements(folder / "judgements.csv", items),
        positive_means="none: nobody's clicks or purchases are in this data set",
        licence=ICECAT.licence,
    )


def kind_of_product(title: str) -> str:
    """The kind of product that a title names.

    Example:
        >>> kind_of_product("StarTech.com 3 ft Shielded External eSATA Cable M/M")
        'cables'
    """
    text = title.lower()
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), "other")


def _items(path: Path) -> Iterator[tuple[Any, ...]]:
    line = 0
    try:
        with gzip.open(path, "rb") as file:
            for text in file:
                line += 1
                product = msgspec.json.decode(text, type=dict[str, Any])
                yield (
                    int(product["id"]),
                    product["id"],
                    product["title"],
                    _describe(product),
                    [kind_of_product(product["title"])],
                    product["supplier"],
                    product["price"] * _MICROS_IN_CENT,
                    int(datetime.fromisoformat(product["date_released"]).timestamp()) * SECOND_US,
                )
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"the file cannot be read: {error}", where=str(path), fix="put it there whole") from None
    except (msgspec.DecodeError, KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"the product is not as Icecat's are: {error!r}",
            where=f"{path}, line {line}",
            fix="use the file as it was published",
        ) from None


def _describe(product: dict[str, Any]) -> str:
    """The short description, then on a line of their own the attributes in words, without those of its parcel."""
    attributes = [
        f"{name.removeprefix('attr_t_').replace('_', ' ').strip()}: {value}"
        for name, value in product.items()
        if name.startswith("attr_t_") and not _LOGISTICS.search(name)
    ]
    return "\n".join((product.get("short_description", ""), ". ".join(attributes[:_MAX_ATTRIBUTES]))).rstrip()


def _judgements(path: Path, items: pl.DataFrame) -> pl.DataFrame:
    try:
        table = pl.read_csv(path, schema={"query": pl.String(), "docid": pl.Int64(), "rating": pl.Int32()})
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"the grades cannot be read: {error}", where=str(path), fix="give the columns query, docid, rating"
        ) from None
    grades = table.select(
        pl.col("query"), pl.col("docid").alias("item"), pl.col("rating").alias("grade").cast(JUDGEMENTS["grade"])
    )
    unknown = grades.with_row_index("row", offset=2).join(items, on="item", how="anti", maintain_order="left")
    if unknown.height:
        first = unknown.row(0, named=True)
        raise DataError(
            f"the grade is for item {first['item']}, which is not among the products",
            where=f"{path}, line {first['row']}",
            fix="use files of one version",
        )
    return grades
