"""``GET /api``: the API's page, drawn here from the OpenAPI document, so that nothing is loaded from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from litestar import Request, Response, Router, get

from shortlist.app.openapi import described
from shortlist.pages.shell import Shell

__all__ = ["Field", "Operation", "Part", "api_page_router", "operations_of"]

Document = dict[str, Any]
_JSON = "application/json"
_LIMITS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "matches {}",
}


class Field(NamedTuple):
    """One line of a table."""

    name: str
    kind: str
    note: str


class Part(NamedTuple):
    """A request's parameters or body, or an answer."""

    title: str
    fields: tuple[Field, ...]


class Operation(NamedTuple):
    """One method of one path."""

    name: str
    method: str
    path: str
    description: str
    secured: bool
    parts: tuple[Part, ...]


def api_page_router() -> Router:
    """The router of the API's page."""
    shell = Shell("shortlist.app")

    @get("/api", sync_to_thread=True)
    def api(request: Request[Any, Any, Any]) -> Response[str]:
        """What the API takes and gives."""
        document = described(request.app.openapi_schema.to_schema())
        operations = tuple(operations_of(document))
        return shell.page(request, "api.html", here="API", version=document["info"]["version"], operations=operations)

    return Router("/", route_handlers=[api], include_in_schema=False)


def operations_of(document: Document) -> Iterator[Operation]:
    """The operations of an OpenAPI document, as tables for people."""
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield Operation(
                name=told["operationId"],
                method=method.upper(),
                path=path,
                description=told.get("description") or told.get("summary", ""),
                secured=bool(told.get("security")),
                parts=tuple(_parts(document, told)),
            )


def _parts(document: Document, told: Document) -> Iterator[Part]:
    if parameters := told.get("parameters"):
        fields = tuple(Field(one["name"], _kind(one["schema"]), one.get("description", "")) for one in parameters)
        yield Part("In the address", fields)
    if body := told.get("requestBody"):
        yield Part("Body", tuple(_fields(document, body["content"][_JSON]["schema"], "")))
    for status, answer in told.get("responses", {}).items():
        if status.startswith("2") and _JSON in answer.get("content", {}):
            yield Part(f"Answer {status}", tuple(_fields(document, answer["content"][_JSON]["schema"], "")))


def _fields(document: Document, schema: Document, prefix: str) -> Iterator[Field]:
    """The fields of an object, and of the objects within it, by their path."""
    whole = _resolved(document, schema)
    required = set(whole.get("required", ()))
    for name, raw in whole.get("properties", {}).items():
        field = _resolved(document, raw)
        note = "; ".join(part for part in (_limits(raw), "" if name in required else "optional") if part)
        yield Field(prefix + name, _kind(raw), note)
        if "properties" in field:
            yield from _fields(document, field, f"{prefix}{name}.")
        elif "items" in field and "properties" in (inner := _resolved(document, field["items"])):
            yield from _fields(document, inner, f"{prefix}{name}[].")


def _resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        schema = document["components"]["schemas"][name]
    return schema


def _kind(schema: Document) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if schema.get("items") else "list"
    return str(schema.get("type", "object"))


def _limits(schema: Document) -> str:
    parts = [schema, *schema.get("anyOf", ())]
    limits = [text.format(part[name]) for part in parts for name, text in _LIMITS.items() if name in part]
    return "; ".join(part for part in (schema.get("description", "").rstrip("."), ", ".join(limits)) if part)
