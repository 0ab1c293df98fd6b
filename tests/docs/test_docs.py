"""The documents keep their word: examples run, links lead somewhere, the settings guide is complete."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import msgspec
import polars as pl
import pytest

from shortlist.core.campaign import Campaign
from shortlist.core.settings import Settings
from shortlist.events.attribution import ATTRIBUTED_SCHEMA
from shortlist.serving.schemas import EventsRequest, FeedRequest, SearchRequest
from shortlist.training.list_log import LIST_LOG, POLICIES
from shortlist.training.uplift_log import UPLIFT_LOG

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path):
    text = path.read_text()
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) + re.findall(r"href='([^'#]+)'", text)
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if ">>>" in p.read_text()], ids=lambda path: path.name)
def test_examples_run(path):
    result = doctest.testfile(str(path), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


def test_the_settings_guide_names_every_key_with_its_default():
    guide = (ROOT / "docs/guides/settings.md").read_text()
    written = dict(re.findall(r"^\| `([\w.]+)` \| (\S+) \|", guide, flags=re.MULTILINE))
    true = {
        f"{group}.{key}": str(value)
        for group, keys in msgspec.to_builtins(Settings()).items()
        for key, value in keys.items()
    }
    assert {key: value.removesuffix(".0") for key, value in written.items()} == {
        key: value.removesuffix(".0") for key, value in true.items()
    }


def test_the_off_policy_guide_names_the_columns_and_their_types():
    guide = (ROOT / "docs/guides/off-policy.md").read_text()
    names = {pl.Int64(): "int64", pl.Float64(): "float64", pl.Boolean(): "bool", pl.String(): "string"}
    needed = {name: LIST_LOG[name] for name in ("request", "context", "place", "item", "selection_propensity", "click")}
    for schema in (needed, POLICIES):
        for column, kind in schema.items():
            assert f"| `{column}` | {names[kind]} |" in guide


def test_the_guide_to_the_log_names_the_columns_of_credits_and_their_types():
    guide = (ROOT / "docs/guides/the-log.md").read_text()
    named: dict[str, str] = {}
    for left, right in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([a-z0-9, ]+) \|", guide, flags=re.MULTILINE):
        columns, kinds = re.findall(r"\w+", left), right.split(", ")
        named |= dict(zip(columns, kinds * (len(columns) // len(kinds)), strict=True))
    kinds_of = {pl.Int64(): "int64", pl.String(): "string"}
    assert named == {column: kinds_of[kind] for column, kind in ATTRIBUTED_SCHEMA.items()}


def test_the_uplift_guide_names_the_columns_and_their_types():
    guide = (ROOT / "docs/guides/uplift.md").read_text()
    for column, kind in UPLIFT_LOG.items():
        if column != "simulated":
            assert f"| `{column}` | {'bool' if kind == pl.Boolean() else 'int64'} |" in guide


def test_the_documents_name_no_machine():
    for path in DOCUMENTS:
        assert not re.search(r"/(work|home|root|tmp)/", path.read_text()), path


def test_the_bodies_in_the_api_guide_are_requests_that_the_api_takes():
    guide = (ROOT / "docs/guides/api.md").read_text()
    kinds = {"/v1/feed": FeedRequest, "/v1/search": SearchRequest, "/v1/events": EventsRequest}
    bodies = re.findall(r"localhost:8000(/v1/\w+) .*-d '(.+)'$", guide, flags=re.MULTILINE)
    assert {path for path, _ in bodies} == set(kinds)
    for path, body in bodies:
        msgspec.json.decode(body, type=kinds[path])
    (campaign, *_) = re.findall(r"```json\n(.+?)```", guide, flags=re.DOTALL)
    assert msgspec.json.decode(campaign, type=Campaign).keywords[0].match == "phrase"
