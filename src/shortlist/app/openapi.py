"""The OpenAPI document: the paths as Litestar finds them, the types as msgspec describes them.

msgspec knows the exact limits, tuples and documentation of the types that decode and encode every body, so the
document cannot say anything else than what is checked.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

import shortlist
from shortlist.core.campaign import Campaign
from shortlist.events.event import Event
from shortlist.serving import schemas
from shortlist.serving.answers import Answer
from shortlist.serving.schemas import SentEvent

__all__ = ["described", "openapi_config"]

Document = dict[str, Any]

_TYPES = (
    Campaign,
    schemas.CampaignAnswer,
    schemas.CampaignsAnswer,
    schemas.EventsAnswer,
    schemas.EventsRequest,
    schemas.FeedRequest,
    schemas.HealthAnswer,
    schemas.ItemAnswer,
    schemas.ItemsAnswer,
    schemas.ItemsRequest,
    schemas.PageAnswer,
    schemas.ReleaseAnswer,
    schemas.ReleasesAnswer,
    schemas.SearchRequest,
    Answer,
)
_ATTRIBUTE = re.compile(r"^ {0,4}(\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)


def openapi_config() -> OpenAPIConfig:
    """``GET /schema/openapi.json``, and nothing that a browser would load from elsewhere."""
    return OpenAPIConfig(
        title="Shortlist",
        version=shortlist.__version__,
        description="Recommender feeds and sponsored search as one engine.",
        path="/schema",
        use_handler_docstrings=True,
        render_plugins=[_Json(path="/openapi.json")],
        components=Components(security_schemes={"admin key": SecurityScheme(type="http", scheme="bearer")}),
    )


def described(document: Document) -> Document:
    """The document with msgspec's types, and with the one shape that every mistake is answered in."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    mistake = {"schema": {"$ref": "#/components/schemas/Answer"}}
    paths = {
        path: {
            method: operation
            | {
                "responses": {
                    status: told if status.startswith("2") else told | {"content": {"application/json": mistake}}
                    for status, told in operation["responses"].items()
                }
            }
            for method, operation in methods.items()
        }
        for path, methods in document["paths"].items()
    }
    schemas_ = {name: _with_attributes(schema) for name, schema in components.items()}
    return document | {"paths": paths, "components": document["components"] | {"schemas": schemas_}}


class _Json(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        return super().render(request, described(openapi_schema))


def _with_attributes(schema: Document) -> Document:
    """A type whose docstring's "Attributes" have become the descriptions of its fields."""
    about, _, attributes = _sections(schema.get("description", ""))
    if schema.get("title") == SentEvent.__name__:
        attributes = f"{_sections(Event.__doc__ or '')[2]}\n{attributes}"
    told = {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(attributes)}
    fields = {
        name: field | ({"description": told[name]} if name in told else {})
        for name, field in schema.get("properties", {}).items()
    }
    return schema | {"description": " ".join(about.split())} | ({"properties": fields} if fields else {})


def _sections(docstring: str) -> tuple[str, str, str]:
    """What stands before "Attributes:", that word, and what stands behind it."""
    return inspect.cleandoc(docstring).partition("\n\nAttributes:\n")
