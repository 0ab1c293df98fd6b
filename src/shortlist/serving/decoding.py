"""JSON bodies, decoded strictly into the handler's own type, whatever bytes a client sends."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import ClientException
from litestar.params import Body

from shortlist.core.allowed import allowed
from shortlist.core.errors import InvalidRequest

__all__ = ["JsonBody", "StrictRequest", "decode", "mistake_of"]

T = TypeVar("T")
JsonBody = Annotated[T, Body()]
"""The type of a handler's ``data``."""

_PLACE = re.compile(r"^(?P<what>.*?) - at `\$?\.?(?P<where>.*)`$", re.DOTALL)
_FIX = "see the API's page for what is accepted"


class StrictRequest(Request[Any, Any, State]):
    """A request whose JSON is decoded into the type of the handler's ``data``.

    Litestar decodes first and converts later, with a lax eye for types ("5" is taken for 5); and it answers invalid
    UTF-8 and deeply nested brackets with a 500.
    """

    async def body(self) -> bytes:
        """The body as it was sent.

        Raises:
            InvalidRequest: the handler takes a body, and there is none.
        """
        raw = await super().body()
        if not raw and "data" in self.route_handler.parsed_fn_signature.parameters:
            raise InvalidRequest("the body is empty", where="body", fix=_FIX)
        return raw

    async def json(self) -> Any:
        """The body in the handler's type.

        A browser sends ``application/json`` to a foreign server only after that has agreed to it, which this one never
        does: no page from elsewhere can send events or ask for pages behind its reader's back.

        Raises:
            InvalidRequest: the body is not JSON, or not of this type.
            ClientException: 415, it does not say that it is JSON.
        """
        if self.content_type[0] != "application/json":
            raise ClientException("the content type is not application/json", status_code=415)
        field = self.route_handler.parsed_fn_signature.parameters.get("data")
        return decode(await self.body(), Any if field is None else field.annotation)


def decode(body: bytes, kind: Any) -> Any:
    """A JSON body as a value of type ``kind``.

    Raises:
        InvalidRequest: it is not JSON, or not of this type.

    Example:
        >>> decode(b"[1, 2]", list[int])
        [1, 2]
        >>> decode(b'{"k": NaN}', dict[str, int])
        Traceback (most recent call last):
        ...
        shortlist.core.errors.InvalidRequest: ...
    """
    try:
        return _decoder(kind).decode(body)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"byte {error.start} is not UTF-8", where="body", fix="send JSON in UTF-8") from None
    except RecursionError:
        raise InvalidRequest("the JSON is nested too deeply", where="body", fix=_FIX) from None
    except msgspec.ValidationError as error:
        raise mistake_of(error, kind) from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}", where="body", fix="send a JSON object") from None


def mistake_of(error: msgspec.ValidationError, kind: Any) -> InvalidRequest:
    """The mistake that msgspec found, with the field it found it in and what that field may hold."""
    found = _PLACE.match(str(error))
    what, where = (found["what"], found["where"]) if found else (str(error), "")
    cure = allowed(kind, where) if where else ""
    return InvalidRequest(what, where=f"field {where!r}" if where else "body", fix=f"send {cure}" if cure else _FIX)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
