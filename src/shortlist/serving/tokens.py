"""The token that goes out with an ad and comes back with its click: what was agreed, signed by the server.

    token = base64url(JSON claim) "." base64url(HMAC-SHA256(key, JSON claim))

The price of a click is what the token says; nobody but this installation can make one, or change one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

from shortlist.core.clock import HOUR_US
from shortlist.core.errors import InvalidRequest
from shortlist.core.page import ShownAd

__all__ = ["LIFETIME_US", "AdClaim", "impression_id", "issue", "verify"]

LIFETIME_US = 24 * HOUR_US
"""How long after its page was served a click on an ad can be charged."""

_FIX = "send the token that came with this ad, as it came"


class AdClaim(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What was agreed when an ad was shown.

    Attributes:
        impression: the page's request id and the slot.
        price: micros of ``currency``, for one click.
        expires_us: a click that arrives at or after this instant is not charged.
    """

    impression: str
    campaign: int
    keyword: int
    price: int
    currency: str
    expires_us: int


def impression_id(request_id: str, slot: int) -> str:
    """The name of one impression of an ad.

    Example:
        >>> impression_id("0a1b", 2)
        '0a1b/2'
    """
    return f"{request_id}/{slot}"


def issue(ad: ShownAd, *, request_id: str, served_us: int, key: bytes) -> str:
    """The token of a shown ad."""
    claim = AdClaim(
        impression_id(request_id, ad.slot), ad.campaign, ad.keyword, ad.price, ad.currency, served_us + LIFETIME_US
    )
    payload = msgspec.json.encode(claim)
    return f"{_text(payload)}.{_text(_mac(payload, key))}"


def verify(token: str, *, impression: str, now_us: int, key: bytes) -> AdClaim:
    """What a token says, if this installation issued it for that impression and it has not expired.

    Raises:
        InvalidRequest: it did not, or it has.
    """
    payload, _, mac = token.partition(".")
    try:
        raw, signature = _bytes(payload), _bytes(mac)
    except (binascii.Error, ValueError):
        raise InvalidRequest("the ad's token is damaged", where="token", fix=_FIX) from None
    if not hmac.compare_digest(signature, _mac(raw, key)):
        raise InvalidRequest("the ad's token was not issued by this installation", where="token", fix=_FIX)
    claim = msgspec.json.decode(raw, type=AdClaim)
    if claim.impression != impression:
        raise InvalidRequest("the token belongs to another ad", where="token", fix=_FIX)
    if now_us >= claim.expires_us:
        raise InvalidRequest(
            "the ad's token has expired", where="token", fix="clicks count for 24 hours after the page was served"
        )
    return claim


def _mac(payload: bytes, key: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
