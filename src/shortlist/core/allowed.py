"""What a field of a typed document may hold, in words: the cure of an error that a validator can only detect."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

__all__ = ["allowed"]

_STEP = re.compile(r"\[[^]]*\]|[^.\[\]]+")


def allowed(kind: Any, path: str) -> str:
    """What the field at ``path`` of a document of type ``kind`` may hold; empty where nothing can be said.

    Args:
        kind: any type that msgspec knows.
        path: as msgspec names places, such as ``events[...].slot``.

    Example:
        >>> from shortlist.core.campaign import Campaign
        >>> allowed(Campaign, "schedule[...].start_hour"), allowed(Campaign, "keywords[...].match")
        ('a whole number from 0 to 23', "one of 'broad', 'exact', 'phrase'")
    """
    document = _schema(kind)
    node: Any = document
    for step in _STEP.findall(path):
        node = _resolved(node, document)
        node = node.get("items") if step.startswith("[") else node.get("properties", {}).get(step)
        if not isinstance(node, dict):
            return ""
    return _words(_resolved(node, document), document)


@cache
def _schema(kind: Any) -> dict[str, Any]:
    return msgspec.json.schema(kind)


def _resolved(node: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The node that a reference leads to."""
    while "$ref" in node:
        node = document["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _words(node: dict[str, Any], document: dict[str, Any]) -> str:
    if "anyOf" in node:
        parts = [_words(_resolved(part, document), document) for part in node["anyOf"]]
        return " or ".join(part for part in parts if part)
    if "enum" in node:
        return "one of " + ", ".join(repr(value) for value in node["enum"])
    kind = node.get("type", "")
    if kind in {"integer", "number"}:
        return _number(node, "a whole number" if kind == "integer" else "a number")
    if kind == "string":
        return (
            f"text of {node.get('minLength', 0)} to {node['maxLength']} characters" if "maxLength" in node else "text"
        )
    if kind == "array":
        return f"a list of {node.get('minItems', 0)} to {node['maxItems']}" if "maxItems" in node else "a list"
    return {"boolean": "true or false", "object": "an object", "null": "null"}.get(kind, "")


def _number(node: dict[str, Any], name: str) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if "exclusiveMinimum" in node:
        return f"{name} above {node['exclusiveMinimum']:g}"
    if low is not None and high is not None:
        return f"{name} from {low} to {high}"
    return name if low is None else f"{name} of at least {low}"
