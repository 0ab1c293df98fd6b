"""The data sets that can be had by name: what they are, who made them, on which terms, and from where."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ICECAT", "KNOWN", "KUAIRAND", "MOVIELENS", "MSLR", "OPEN_BANDIT", "KnownDataset"]


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A data set that ``load`` and ``shortlist data get`` know by name.

    Attributes:
        name: what to call it.
        description: what is in it, in one line.
        licence: who made it and its terms, for people; shown when it is fetched.
        official: where its makers publish it.
        url: the file that is fetched; empty where there is no such file.
        sha256: of that file; None where its makers may publish it anew under one address.
        size_bytes: of what is read, roughly.
    """

    name: str
    description: str
    licence: str
    official: str
    url: str
    sha256: str | None
    size_bytes: int


MOVIELENS = KnownDataset(
    name="movielens",
    description="MovieLens 100K: 100,000 ratings (1 to 5 stars) of 1,682 films by 943 people, 1997 to 1998",
    licence=(
        "GroupLens Research, University of Minnesota: for research; no commercial use without their permission, "
        "no redistribution. Cite: Harper & Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015."
    ),
    official="https://grouplens.org/datasets/movielens/100k/",
    url="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    size_bytes=4_924_029,
)

ICECAT = KnownDataset(
    name="icecat",
    description="Icecat products with prices: 19,406 products of shops, and 89 shop queries with human grades 0 to 3",
    licence=(
        "Product texts: Icecat, Open Content License (OPL). Prices, queries and grades: the Chorus project, "
        "Apache-2.0, github.com/querqy/chorus."
    ),
    official="https://github.com/querqy/chorus",
    url="",
    sha256=None,
    size_bytes=5_121_724,
)

KUAIRAND = KnownDataset(
    name="kuairand",
    description="KuaiRand-Pure: short videos shown to people of the Kuaishou app in spring 2022, and what they did",
    licence=(
        "Gao et al., KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly Exposed Videos, CIKM 2022. "
        "CC BY-SA 4.0."
    ),
    official="https://zenodo.org/records/10439422",
    url="https://zenodo.org/records/10439422/files/KuaiRand-Pure.tar.gz",
    sha256=None,
    size_bytes=45_200_000,
)

KNOWN = (MOVIELENS, ICECAT, KUAIRAND)
"""What ``load`` returns as a ``Dataset``."""

MSLR = KnownDataset(
    name="mslr",
    description="MSLR-WEB30K: web pages graded 0 to 4 for queries, 136 features each; lists, not a catalogue",
    licence=(
        "Microsoft: for research, under the terms on its page. Cite: Qin & Liu, Introducing LETOR 4.0 Datasets, "
        "arXiv 1306.2597, 2013."
    ),
    official="https://www.microsoft.com/en-us/research/project/mslr/",
    url="",
    sha256=None,
    size_bytes=1_500_000,
)
"""Read by ``mslr.load_mslr``: there are no items to serve, only lists to compare rankers on."""

OPEN_BANDIT = KnownDataset(
    name="open-bandit",
    description="Open Bandit, small: 2 x 10,000 shown fashion items with propensities and clicks; logs of two policies",
    licence=(
        "ZOZO, Inc.; CC BY 4.0. Cite: Saito, Aihara, Matsutani & Narita, Open Bandit Dataset and Pipeline, NeurIPS "
        "2021 (datasets and benchmarks)."
    ),
    official="https://research.zozo.com/data.html",
    url="",
    sha256=None,
    size_bytes=1_338_290,
)
"""Read by ``open_bandit.load_open_bandit``: there is no catalogue, only logs to estimate from."""
