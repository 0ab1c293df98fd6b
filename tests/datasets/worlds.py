"""Small files in the formats of the published data sets."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]

# id, official title, title and year as the wheel has them, genres
FILMS = [
    (12, "Usual Suspects, The (1995)", "Usual Suspects, The", "1995", ["Crime", "Thriller"]),
    (267, "unknown", "unkonwn", "unkonwn", ["unknown"]),
    (1412, "Land Before Time III (1995) (V)", "Land Before Time III (1995)", "V", ["Animation", "Children's"]),
    (240, "Misérables, Les (1998)", "Misérables, Les", "1998", ["Drama"]),
]
RATINGS = [(7, 12, 4, 881250949), (3, 240, 3, 881250948), (7, 267, 5, 881250949)]
PEOPLE = [(3, 23, "M", "writer", "02215"), (7, 57, "F", "administrator", "91344")]


def movielens_zip(path: Path) -> Path:
    """As GroupLens publishes it."""
    films = "".join(
        f"{item}|{title}|01-Jan-1995||http://example.org|{'|'.join('1' if g in genres else '0' for g in GENRES)}\n"
        for item, title, _, _, genres in FILMS
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-100k/u.item", films.encode("latin-1"))
        archive.writestr("ml-100k/u.data", "".join("\t".join(map(str, row)) + "\n" for row in RATINGS))
        archive.writestr("ml-100k/u.user", "".join("|".join(map(str, row)) + "\n" for row in PEOPLE))
    return path


def movielens_wheel(path: Path, metadata: str = "") -> Path:
    """As the wheel carries it; with ``metadata`` (a name) it is a wheel that pip accepts."""

    def table(heads: str, rows: list[tuple[object, ...]]) -> bytes:
        return ("\n".join([heads, *("\t".join(map(str, row)) for row in rows)]) + "\n").encode("utf-8")

    inside = "recbole/dataset_example/ml-100k/ml-100k."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            inside + "item",
            table(
                "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
                [(item, title, year, " ".join(genres)) for item, _, title, year, genres in FILMS],
            ),
        )
        archive.writestr(
            inside + "inter", table("user_id:token\titem_id:token\trating:float\ttimestamp:float", RATINGS)
        )
        archive.writestr(inside + "user", table("user_id:token\tage\tgender\toccupation\tzip_code", PEOPLE))
        if metadata:
            folder = f"{metadata}-1.0.dist-info"
            archive.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {metadata}\nVersion: 1.0\n")
            archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{folder}/RECORD", "")
    return path


def icecat_folder(folder: Path) -> Path:
    """Two products and three grades."""
    folder.mkdir(parents=True, exist_ok=True)
    products = [
        {
            "id": "3920564",
            "title": "Xerox 006R90321 toner cartridge Original Black 6 pc(s)",
            "short_description": "Toner for CopyCentre C65",
            "date_released": "2009-12-10T00:00:00Z",
            "supplier": "Xerox",
            "price": 4995,
            "attr_t_type": "Original",
            "attr_t_country_of_origin": "China",
            "attr_n_quantity_per_pack": 6.0,
        },
        {
            "id": "77",
            "title": "C2G 2m USB 2.0 A/B USB cable",
            "date_released": "2007-01-02T00:00:00Z",
            "supplier": "C2G",
            "price": 95,
        },
    ]
    with gzip.open(folder / "products.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(product) + "\n" for product in products)
    (folder / "judgements.csv").write_text(
        'query,docid,rating\nusb cable,77,3\nusb cable,3920564,0\n"toner, black",3920564,2\n', encoding="utf-8"
    )
    return folder


KUAIRAND = {
    "log_standard_4_08_to_4_21_pure": "user_id,video_id,time_ms,is_click,long_view,play_time_ms,is_rand,tab\n"
    "5,1,1650812741436,1,0,1184,0,1\n",
    "log_standard_4_22_to_5_08_pure": "user_id,video_id,time_ms,is_click,long_view,play_time_ms,is_rand,tab\n"
    "5,0,1650812741000,0,1,61802,0,0\n",
    "log_random_4_22_to_5_08_pure": "user_id,video_id,time_ms,is_click,long_view,play_time_ms,is_rand,tab\n"
    "5,0,1650812742000,0,1,61802,1,0\n",
    "user_features_pure": "user_id,user_active_degree,register_days,"
    "is_live_streamer,is_video_author,follow_user_num,fans_user_num,friend_user_num,"
    + ",".join(f"onehot_feat{k}" for k in range(18))
    + "\n5,full_active,799,0,1,5,9,4,"
    + ",".join(["1"] * 17)
    + ",\n6,,3,0,0,1,2,3,"
    + ",".join(["0"] * 18)
    + "\n",
    "video_features_basic_pure": "video_id,author_id,upload_dt,video_duration,tag,music_id,upload_type,music_type,"
    "server_width,server_height\n"
    '0,70,2022-04-10,49866.0,"39,43",8,Web,9.0,720.0,1280.0\n1,71,2022-04-11,,,9,Web,,720.0,1280.0\n',
}


def kuairand_archive(path: Path) -> Path:
    """As its makers publish it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in KUAIRAND.items():
            member = tarfile.TarInfo(f"KuaiRand-Pure/data/{name}.csv")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path
